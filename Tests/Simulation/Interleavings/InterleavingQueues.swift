/// What can be under way between two ends: parcels, and queues of them, each once.
struct InterleavingQueues {
  typealias Parcel = UInt32
  /// A queue, by the order in which they were found.
  typealias Queue = UInt32

  static let empty: Queue = 0

  private struct Node {
    /// The oldest parcel; of no meaning in the empty queue.
    let first: Parcel
    /// The queue without it.
    let rest: Queue
    let fingerprint: InterleavingFingerprint
  }

  private var parcels: [InterleavingParcel] = []
  private var numbers: [InterleavingFingerprint: Parcel] = [:]
  private var nodes = [Node(first: 0, rest: empty, fingerprint: InterleavingFingerprint())]
  /// By the queue in front of the last parcel, and that parcel.
  private var longer: [UInt64: Queue] = [:]

  subscript(parcel: Parcel) -> InterleavingParcel { parcels[Int(parcel)] }

  func first(of queue: Queue) -> Parcel { nodes[Int(queue)].first }
  func rest(of queue: Queue) -> Queue { nodes[Int(queue)].rest }
  func fingerprint(of queue: Queue) -> InterleavingFingerprint { nodes[Int(queue)].fingerprint }

  mutating func number(of parcel: InterleavingParcel) -> Parcel {
    if let known = numbers[parcel.exactFingerprint] { return known }
    let number = Parcel(parcels.count)
    numbers[parcel.exactFingerprint] = number
    parcels.append(parcel)
    return number
  }

  /// The queue with one more parcel at its end.
  mutating func appending(_ parcel: Parcel, to queue: Queue) -> Queue {
    let key = UInt64(queue) << 32 | UInt64(parcel)
    if let known = longer[key] { return known }
    let isFirst = queue == Self.empty
    let rest = isFirst ? Self.empty : appending(parcel, to: rest(of: queue))
    var fingerprint = fingerprint(of: queue)
    fingerprint.append(parcels[Int(parcel)].fingerprint)
    let longerQueue = Queue(nodes.count)
    nodes.append(Node(first: isFirst ? parcel : first(of: queue), rest: rest, fingerprint: fingerprint))
    longer[key] = longerQueue
    return longerQueue
  }
}
