/// What the streams of a session came to, by what their openers said of their content (SPEC CDC-8): a new stream of a kind begins where an earlier one ended.
///
/// Nothing but speed depends on it, so that a class may give its place to another while its streams live. Kinds that the other end names are apart from
/// this end's own: they are data of another direction, and cannot push those out.
struct ContentClasses: Hashable, Sendable {
  /// The metadata key.
  static let key = "content-type"
  /// Of each end's kinds.
  static let maximumCount = 8
  static let maximumNameByteCount = 64

  /// A class's place; none is 0.
  typealias Index = UInt8

  private struct Class: Hashable, Sendable {
    var name: String
    var lastUse: UInt64
    /// What the last stream that ended had learned.
    var selector: CodecSelector?
    /// One that goes on and knows more.
    var streamID: StreamID?
  }

  private var own: [Class] = []
  private var peers: [Class] = []
  private var useCount: UInt64 = 0

  /// The class of a stream, which takes the place of the one that was used least recently if there is none left; 0 where the opener says nothing that can
  /// be kept.
  mutating func index(of opening: StreamOpening, isOwn: Bool) -> Index {
    guard !opening.metadata.isEmpty, let name = opening[Self.key], name.utf8.count <= Self.maximumNameByteCount else {
      return 0
    }
    useCount &+= 1
    let place = isOwn ? Self.place(of: name, in: &own, useCount) : Self.place(of: name, in: &peers, useCount)
    return Index(truncatingIfNeeded: 1 &+ place &+ (isOwn ? 0 : Self.maximumCount))
  }

  private static func place(of name: String, in classes: inout [Class], _ useCount: UInt64) -> Int {
    if let place = classes.firstIndex(where: { $0.name == name }) {
      classes[place].lastUse = useCount
      return place
    }
    let new = Class(name: name, lastUse: useCount)
    guard classes.count >= maximumCount,
      let oldest = classes.indices.min(by: { classes[$0].lastUse < classes[$1].lastUse })
    else {
      classes.append(new)
      return classes.endIndex &- 1
    }
    classes[oldest] = new
    return oldest
  }

  /// What the class's last stream had learned, and the stream that goes on, if there is one; from now on that is `id`.
  mutating func begin(_ index: Index, with id: StreamID) -> (selector: CodecSelector?, streamID: StreamID?) {
    var known: (selector: CodecSelector?, streamID: StreamID?)
    update(index) {
      known = ($0.selector, $0.streamID)
      $0.streamID = id
    }
    return known
  }

  /// A stream of the class has ended.
  mutating func end(_ index: Index, _ id: StreamID, with selector: CodecSelector) {
    update(index) {
      if $0.streamID == id { $0.streamID = nil }
      if selector.hasLearned { $0.selector = selector }
    }
  }

  private mutating func update(_ index: Index, _ body: (inout Class) -> Void) {
    let place = Int(index) &- 1
    if own.indices.contains(place) {
      body(&own[place])
    } else if peers.indices.contains(place &- Self.maximumCount) {
      body(&peers[place &- Self.maximumCount])
    }
  }
}
