internal import NIOCore

/// Dictionaries that this end compresses with: at most two live at once (SPEC DIC-1, DIC-2).
///
///     waiting --room--> offered --accepted--> in use --a newer one is accepted--> superseded --all blocks acknowledged--> retired
///                       offered --rejected--> gone
///
/// Every transition is in this file.
struct OutgoingDictionaries: Hashable, Sendable {
  /// One that the other end knows of.
  struct Offer: Hashable, Sendable {
    let id: UInt32
    let dictionary: CompressionDictionary
    fileprivate(set) var sentByteCount = 0
    fileprivate(set) var isAccepted = false
    /// No more blocks are cut for it.
    fileprivate(set) var isSuperseded = false
    /// Blocks that were cut for it and have not been sent.
    fileprivate var unsentBlockCount: UInt64 = 0
    /// Numbered frames up to the last block that names it.
    fileprivate var lastFrameCount: UInt64 = 0

    fileprivate var hasUnsentContent: Bool { !isAccepted && sentByteCount < dictionary.byteCount }
  }

  /// What is to be sent next.
  enum Action {
    /// The next part of an offer, from this place on.
    case part(Offer, offset: Int, byteCount: Int)
    case retire(UInt32)
  }

  /// To be offered when there is room; a newer one takes its place.
  private(set) var waiting: CompressionDictionary?
  /// Oldest first.
  private(set) var live: [Offer] = []
  private var lastID: UInt32 = 0

  /// Nothing is known of any dictionary.
  @inline(__always)
  var isEmpty: Bool { waiting == nil && live.isEmpty }

  /// The one that blocks are cut for now.
  var current: Offer? { live.last { $0.isAccepted && !$0.isSuperseded } }

  mutating func propose(_ dictionary: CompressionDictionary) {
    waiting = dictionary
  }

  /// What is to be sent now, which is taken for sent.
  ///
  /// - Parameter budget: bytes that the other end holds, over all dictionaries.
  /// - Parameter acknowledgedCount: numbered frames that it has acknowledged.
  mutating func nextAction(budget: Int, acknowledgedCount: UInt64) -> Action? {
    let spent = live.firstIndex {
      $0.isSuperseded && $0.unsentBlockCount == 0 && $0.lastFrameCount <= acknowledgedCount
    }
    if let spent { return .retire(live.remove(at: spent).id) }
    beginNext(budget: budget)
    guard let index = live.firstIndex(where: \.hasUnsentContent) else { return nil }
    let offer = live[index]
    let byteCount = min(DictionaryFrame.partByteCount, offer.dictionary.byteCount &- offer.sentByteCount)
    live[index].sentByteCount &+= byteCount
    return .part(offer, offset: offer.sentByteCount, byteCount: byteCount)
  }

  /// Whether there is anything that `nextAction` could give, now or behind an acknowledgement.
  @inline(__always)
  var hasWork: Bool { !isEmpty && (waiting != nil || live.contains { $0.isSuperseded || $0.hasUnsentContent }) }

  private mutating func beginNext(budget: Int) {
    guard let next = waiting, !live.contains(where: { !$0.isAccepted }) else { return }
    guard next.byteCount <= budget, next != current?.dictionary, lastID < .max else {
      waiting = nil
      return
    }
    let heldByteCount = live.reduce(0) { $0 &+ $1.dictionary.byteCount }
    guard live.count < DictionaryFrame.liveCount, heldByteCount &+ next.byteCount <= budget else {
      // There is no room beside the one in use: blocks do without until it has gone.
      if live.count == 1 { live[0].isSuperseded = true }
      return
    }
    waiting = nil
    lastID &+= 1
    live.append(Offer(id: lastID, dictionary: next))
  }

  /// The other end's answer to an offer.
  mutating func receive(_ answer: DictionaryFrame.Answer, id: UInt32) throws(SessionError) {
    guard let index = live.firstIndex(where: { $0.id == id && !$0.isAccepted }) else {
      throw .peer(.protocol, "DIC-1", "dictionary \(id) is answered, and no answer to it is due")
    }
    if answer == .rejected {
      live.remove(at: index)
      return
    }
    guard answer == .alreadyHeld || !live[index].hasUnsentContent else {
      throw .peer(.protocol, "DIC-1", "dictionary \(id) is accepted before all of it was sent")
    }
    live[index].isAccepted = true
    for older in live.indices where older < index { live[older].isSuperseded = true }
  }

  mutating func noteCut(_ id: UInt32) {
    update(id) { $0.unsentBlockCount &+= 1 }
  }

  /// A block that was cut for a dictionary will never be sent.
  mutating func noteDropped(_ id: UInt32) {
    update(id) { $0.unsentBlockCount &-= 1 }
  }

  /// - Parameter frameCount: numbered frames sent, this block's among them.
  mutating func noteSent(_ id: UInt32, frameCount: UInt64) {
    update(id) {
      $0.unsentBlockCount &-= 1
      $0.lastFrameCount = frameCount
    }
  }

  private mutating func update(_ id: UInt32, _ body: (inout Offer) -> Void) {
    guard let index = live.firstIndex(where: { $0.id == id }) else { return }
    body(&live[index])
  }
}
