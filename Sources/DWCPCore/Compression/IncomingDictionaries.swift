internal import NIOCore

/// Dictionaries that the other end compresses with: at most two live at once, within the budget that was announced (SPEC DIC-1, DIC-2, MEM-1).
///
///     arriving --> whole --job taken--> verifying --> answering --acceptance sent--> in use --retired--> gone, once no job needs it
///     arriving --not to be held--> answering --rejection sent--> gone
///
/// Every transition is in this file.
struct IncomingDictionaries: Hashable, Sendable {
  enum State: UInt8, Hashable, Sendable {
    case arriving, whole, verifying, answering, inUse
  }

  struct Entry: Hashable, Sendable {
    let id: UInt32
    let domain: UInt64
    let byteCount: Int
    let sha256: [UInt8]
    fileprivate(set) var state = State.arriving
    fileprivate var arrivedByteCount = 0
    /// What has arrived of it and is to be held.
    fileprivate var content = ByteBuffer()
    fileprivate var isRefused = false
    fileprivate var dictionary: CompressionDictionary?
    /// Blocks that are being decoded with it.
    fileprivate var jobCount: UInt64 = 0
  }

  let budget: Int
  /// Oldest first. One that was rejected stays until that has been sent, so that a peer cannot make answers queue (SPEC LIV-2).
  private(set) var live: [Entry] = []
  /// Retired while jobs still need them; together with those that live no more than twice as many, and twice the budget.
  private var leaving: [Entry] = []
  private var lastID: UInt32 = 0

  init(budget: Int) {
    self.budget = budget
  }

  @inline(__always)
  var hasAnswers: Bool { !live.isEmpty && live.contains { $0.state == .answering } }

  @inline(__always)
  var hasJob: Bool { !live.isEmpty && live.contains { $0.state == .whole } }

  /// Takes a part of a dictionary in.
  ///
  /// - Returns: true when it was the first part.
  mutating func receive(_ frame: DictionaryFrame, part: ByteBuffer) throws(SessionError) -> Bool {
    guard budget > 0 else {
      throw .peer(.protocol, "DIC-1", "a dictionary came though none was announced to be held")
    }
    let isFirst = frame.offset == 0
    if isFirst { try begin(frame) }
    guard let index = live.indices.last, live[index].state == .arriving, live[index].id == frame.id,
      live[index].byteCount == frame.totalByteCount, live[index].domain == frame.domain,
      live[index].sha256 == frame.sha256, live[index].arrivedByteCount == frame.offset
    else {
      throw .peer(.protocol, "DIC-1", "a part of dictionary \(frame.id) does not follow the one before it")
    }
    guard part.readableBytes == min(DictionaryFrame.partByteCount, frame.totalByteCount &- frame.offset) else {
      throw .peer(.protocol, "DIC-1", "a part of dictionary \(frame.id) has \(part.readableBytes) bytes")
    }
    live[index].arrivedByteCount &+= part.readableBytes
    if !live[index].isRefused { live[index].content.writeImmutableBuffer(part) }
    if live[index].arrivedByteCount == frame.totalByteCount { finish(index) }
    return isFirst
  }

  private mutating func begin(_ frame: DictionaryFrame) throws(SessionError) {
    guard CompressionDictionary.byteCounts.contains(frame.totalByteCount) else {
      throw .peer(.protocol, "DIC-1", "a dictionary of \(frame.totalByteCount) bytes is out of bounds")
    }
    guard frame.id == lastID &+ 1, frame.id != 0, live.last?.state != .arriving else {
      throw .peer(.protocol, "DIC-1", "dictionary \(frame.id) begins behind dictionary \(lastID)")
    }
    guard live.count < DictionaryFrame.liveCount else {
      throw .peer(.protocol, "DIC-1", "dictionary \(frame.id) is offered while \(live.count) live")
    }
    let heldByteCount = live.reduce(0) { $0 &+ $1.byteCount }
    guard frame.totalByteCount <= budget &- heldByteCount else {
      throw .peer(
        .protocol, "DIC-1", "dictionary \(frame.id) has \(frame.totalByteCount) bytes, more than the budget has left")
    }
    lastID = frame.id
    var entry = Entry(
      id: frame.id, domain: frame.domain, byteCount: frame.totalByteCount, sha256: frame.sha256)
    // Those that jobs still need take memory too, which the other end cannot know.
    let hasRoom =
      live.count &+ leaving.count < 2 &* DictionaryFrame.liveCount
      && leaving.reduce(0) { $0 &+ $1.byteCount } <= budget
    entry.isRefused = frame.domain != 0 || !hasRoom
    live.append(entry)
  }

  private mutating func finish(_ index: Int) {
    guard !live[index].isRefused else {
      live[index].state = .answering
      return
    }
    live[index].state = .whole
  }

  /// The next one to be verified, by whoever runs jobs.
  mutating func takeJob() -> DictionaryJob? {
    guard let index = live.firstIndex(where: { $0.state == .whole }) else { return nil }
    live[index].state = .verifying
    let content = live[index].content
    live[index].content = ByteBuffer()
    return DictionaryJob(id: live[index].id, content: content, sha256: live[index].sha256)
  }

  mutating func complete(_ received: ReceivedDictionary) throws(SessionError) {
    guard let index = live.firstIndex(where: { $0.id == received.id && $0.state == .verifying }) else { return }
    guard received.isWhole else {
      throw .peer(.protocol, "DIC-1", "dictionary \(received.id) has another SHA-256 than was said")
    }
    live[index].state = .answering
    live[index].dictionary = received.dictionary
    live[index].isRefused = received.dictionary == nil
  }

  /// The next answer that is due, which is taken for sent.
  mutating func takeAnswer() -> (id: UInt32, answer: DictionaryFrame.Answer)? {
    guard let index = live.firstIndex(where: { $0.state == .answering }) else { return nil }
    let id = live[index].id
    guard !live[index].isRefused else {
      live.remove(at: index)
      return (id, .rejected)
    }
    live[index].state = .inUse
    return (id, .accepted)
  }

  mutating func retire(_ id: UInt32) throws(SessionError) {
    guard let index = live.firstIndex(where: { $0.id == id && $0.state == .inUse }) else {
      throw .peer(.protocol, "DIC-2", "dictionary \(id) is retired, and is not in use")
    }
    let entry = live.remove(at: index)
    if entry.jobCount > 0 { leaving.append(entry) }
  }

  /// What a block is to be decoded with.
  func dictionary(_ id: UInt32) throws(SessionError) -> CompressionDictionary {
    guard let entry = live.first(where: { $0.id == id && $0.state == .inUse }), let dictionary = entry.dictionary else {
      throw .peer(.protocol, "DIC-2", "a block names dictionary \(id), which is not in use")
    }
    return dictionary
  }

  mutating func noteJob(_ id: UInt32) {
    guard let index = live.firstIndex(where: { $0.id == id }) else { return }
    live[index].jobCount &+= 1
  }

  mutating func noteJobDone(_ id: UInt32) {
    if let index = live.firstIndex(where: { $0.id == id }) {
      live[index].jobCount &-= 1
    } else if let index = leaving.firstIndex(where: { $0.id == id }) {
      leaving[index].jobCount &-= 1
      if leaving[index].jobCount == 0 { leaving.remove(at: index) }
    }
  }
}
