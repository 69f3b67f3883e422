/// Chains of blocks: which streams have one, at each end (SPEC CHN-1, CHN-2).
///
/// Both ends count a chain from the block that begins it to the first thing sent on its stream that does not go on with it: another block, FIN or
/// RESET; marks without raw bytes change nothing. That is the same order at both, since a link keeps it.
extension Session {
  /// A chain that this end sends.
  struct SendChain: Hashable, Sendable {
    /// Where the next block to be cut stands; nil when what was cut last does not go on with it.
    var nextPlace: ChainPlace?
    /// Chained blocks that were cut and have not been sent.
    var unsentCount = 0
    /// What was sent last goes on with a chain.
    var isOnWire = false

    /// The other end has no chain of the stream, and will not soon.
    var isOver: Bool { nextPlace == nil && unsentCount == 0 && !isOnWire }
  }

  /// The place of a block that is to be cut for a setting, or nil for an independent one.
  mutating func nextPlace(of id: StreamID, _ setting: CompressionSetting) -> ChainPlace? {
    let budget = min(remote.chains.count, configuration.sendChains.count)
    guard setting.isChained, sendChains[id] != nil || sendChains.count < budget else {
      endCutting(of: id)
      return nil
    }
    let place = sendChains[id]?.nextPlace ?? ChainPlace(chain: CodecChain(), position: 0)
    sendChains[id, default: SendChain()].nextPlace = ChainPlace(chain: place.chain, position: place.position &+ 1)
    sendChains[id, default: SendChain()].unsentCount &+= 1
    return place
  }

  /// The window of chains this end sends, as a power of two.
  var sendChainWindowLog: Int { min(remote.chains.windowLog, configuration.sendChains.bounded.windowLog) }

  /// What is cut next goes on with no chain.
  mutating func endCutting(of id: StreamID) {
    guard !sendChains.isEmpty else { return }
    sendChains[id]?.nextPlace = nil
    forgetIfOver(id)
  }

  /// A block has been sent of a session with chains.
  ///
  /// - Parameter wasCutForChain: whether or not it was encoded for it then.
  mutating func noteSent(
    rawByteCount: Int, wasCutForChain: Bool = false, isChained: Bool = false, isFinal: Bool, of id: StreamID
  ) {
    guard var chain = sendChains[id] else { return }
    if wasCutForChain { chain.unsentCount &-= 1 }
    if rawByteCount > 0 { chain.isOnWire = isChained }
    sendChains[id] = isFinal ? nil : chain
    forgetIfOver(id)
  }

  private mutating func forgetIfOver(_ id: StreamID) {
    if sendChains[id]?.isOver == true { sendChains[id] = nil }
  }

  /// The other end sends something on a stream that goes on with no chain.
  mutating func endReceiving(of id: StreamID) {
    if !receiveChains.isEmpty { receiveChains[id] = nil }
  }

  /// A chain that the other end sends: where its next block stands.
  mutating func receiveChained(_ id: StreamID, isRestart: Bool) throws(SessionError) -> ChainPlace {
    if isRestart {
      guard receiveChains[id] != nil || receiveChains.count < local.chains.count else {
        throw .peer(
          .protocol, "CHN-2",
          "a chain begins on stream \(id) while \(local.chains.count) live, as many as were announced")
      }
      let place = ChainPlace(chain: CodecChain(), position: 0)
      receiveChains[id] = ChainPlace(chain: place.chain, position: 1)
      return place
    }
    guard let place = receiveChains[id] else {
      throw .peer(.protocol, "CHN-1", "a block of stream \(id) continues a chain that has ended, or never began")
    }
    receiveChains[id] = ChainPlace(chain: place.chain, position: place.position &+ 1)
    return place
  }
}
