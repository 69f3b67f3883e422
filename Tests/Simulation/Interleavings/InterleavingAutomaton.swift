/// What one end can become, and what each of its steps makes of it.
///
/// What comes of a step follows from the end that takes it, and from what arrives, if something does. So each step of each place that an end can be in is
/// taken once, when it is first asked for, and the search goes on with numbers: most states differ from others by the other end alone.
struct InterleavingAutomaton {
  /// A place that the end can be in, by the order in which they were found.
  typealias Place = UInt32

  struct Outcome {
    let step: InterleavingStep
    let place: Place
    /// What the step gave to the connection.
    let sent: InterleavingQueues.Parcel?
  }

  /// Of a place.
  struct Traits {
    let fingerprint: InterleavingFingerprint
    /// Streams that the end has cut short; a bit each.
    let cutStreams: UInt8
    /// Streams that failed there, which is right only when somebody has cut them short.
    let failedStreams: UInt8
  }

  /// How an end came to a place that it did not begin at.
  private enum Origin {
    case step(InterleavingStep, from: Place)
    case arrival(InterleavingQueues.Parcel, from: Place)

    var place: Place {
      switch self {
      case .step(_, let place), .arrival(_, let place): place
      }
    }
  }

  private(set) var traits: [Traits] = []
  /// Of the places whose steps were asked for.
  private var rows: [[Outcome]?] = []
  private var arrivals: [UInt64: Place] = [:]
  private var origins: [Origin?] = []
  private var places: [InterleavingFingerprint: Place] = [:]
  private(set) var problems: [Place: String] = [:]
  /// The ends themselves are large: those of the places that were found last are kept, and the others made again when they are needed.
  private var ends: [Place: InterleavingEnd] = [:]
  /// One end; in a list, since it is large and this is passed on by value.
  private let start: [InterleavingEnd]
  private let maximumEndCount: Int

  /// - Parameter maximumEndCount: ends that are kept; a thousand take about 10 MB. Beyond that all are let go.
  init(_ start: InterleavingEnd, maximumEndCount: Int) {
    self.start = [start]
    self.maximumEndCount = maximumEndCount
    _ = place(of: start, nil)
  }

  /// What can be done at a place without anything arriving there, in an order that stays.
  ///
  /// - Parameter queues: where what is sent gets its number.
  mutating func outcomes(at place: Place, _ queues: inout InterleavingQueues) -> [Outcome] {
    if let row = rows[Int(place)] { return row }
    let before = end(at: place, queues)
    let row = before.steps.compactMap { step -> Outcome? in
      var end = before
      let sent = end.perform(step)
      let next = self.place(of: end, .step(step, from: place))
      // There was nothing to be sent.
      if step.isSend, sent == nil, traits[Int(next)].fingerprint == traits[Int(place)].fingerprint { return nil }
      return Outcome(step: step, place: next, sent: sent.map { queues.number(of: $0) })
    }
    rows[Int(place)] = row
    return row
  }

  /// What becomes of a place when a parcel arrives there.
  mutating func place(after parcel: InterleavingQueues.Parcel, at place: Place, _ queues: InterleavingQueues) -> Place {
    let key = UInt64(place) << 32 | UInt64(parcel)
    if let known = arrivals[key] { return known }
    var end = end(at: place, queues)
    end.receive(queues[parcel])
    let next = self.place(of: end, .arrival(parcel, from: place))
    arrivals[key] = next
    return next
  }

  /// The end as it is at a place, made again from where it began if it was let go.
  mutating func end(at place: Place, _ queues: InterleavingQueues) -> InterleavingEnd {
    if let kept = ends[place] { return kept }
    var way: [Origin] = []
    var known = place
    while ends[known] == nil, let origin = origins[Int(known)] {
      way.append(origin)
      known = origin.place
    }
    var end = ends[known] ?? start[0]
    for origin in way.reversed() {
      switch origin {
      case .step(let step, _): _ = end.perform(step)
      case .arrival(let parcel, _): end.receive(queues[parcel])
      }
    }
    keep(end, at: place)
    return end
  }

  private mutating func place(of end: InterleavingEnd, _ origin: Origin?) -> Place {
    let exact = end.exactFingerprint
    if let known = places[exact] { return known }
    let place = Place(traits.count)
    places[exact] = place
    origins.append(origin)
    rows.append(nil)
    traits.append(
      Traits(
        fingerprint: end.fingerprint, cutStreams: Self.bits(end.spentCuts.map(\.stream)),
        failedStreams: Self.bits(Array(end.failures.keys))))
    problems[place] = end.problem
    keep(end, at: place)
    return place
  }

  private static func bits(_ streams: [Int]) -> UInt8 { streams.reduce(0) { $0 | 1 << UInt8($1) } }

  private mutating func keep(_ end: InterleavingEnd, at place: Place) {
    if ends.count >= maximumEndCount { ends.removeAll(keepingCapacity: true) }
    if maximumEndCount > 0 { ends[place] = end }
  }
}
