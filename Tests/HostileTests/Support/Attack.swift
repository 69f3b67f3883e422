import DWCPCore
import HostileSimulation
import NIOCore
import Testing

/// What a hostile peer does to one engine, and how it has to end.
struct Attack: Sendable, CustomTestStringConvertible {
  enum Ending: Sendable {
    /// The session ends with this code, and its last frame tells so; the text names what was too much.
    case refused(ErrorCode, naming: String = "")
    /// The connection ends without a word, since the other end is not one of ours, or silent.
    case closed(ErrorCode)
    /// The peer keeps to the rules, for ever if it likes: memory does not grow.
    case bounded
  }

  /// What the application does.
  enum Owner: Sendable {
    /// Never reads, never writes, never lets go.
    case ignores
    /// Reads everything, and ends a stream with its peer.
    case serves
    /// Writes back what it reads, as far as it is let.
    case echoes
    /// Reads once from each stream, up to the first mark.
    case readsOnce
    /// Answers each piece with its first 64 bytes.
    case answersHeads
    /// Answers the first piece of each stream, ends its own direction and lets go of the stream, whatever is still to come.
    case leavesEarly
    /// Writes 100,000 bytes to each stream and ends it when it may no longer write.
    case uploads
  }

  var name: String
  var ending: Ending
  var victim = Role.acceptor
  var owner = Owner.serves
  /// False: the peer reads nothing, so that nothing the engine wants to send is ever taken.
  var readsReplies = true
  var configuration = SessionConfiguration.tight
  var readBufferByteCount = 65_536
  /// Each byte arrives alone, in a read buffer of its own.
  var isDribbled = false
  /// The handshake is complete before the first salvo.
  var isEstablished = true
  var salvoCount = 2_000
  var nanosecondsPerSalvo: UInt64 = 0
  /// What the peer announces.
  var announcement: @Sendable (inout ByteBuffer) -> Void = { _ in }
  /// Writes the salvo of this number, 0, 1, 2, ...; one that stays empty is silence.
  var salvo: @Sendable (UInt64, inout HostileWire) -> Void

  var testDescription: String { name }

  static let all =
    onSession + onSessionOverTime + onStreams + onStreamsInTurn + onWindows + onReaders + onLengths + onHandshake
    + onInitiators + onEvidence + onDictionaries + onObjects

  /// The bound of SPEC section 15 for the session under attack.
  var memoryBound: Int {
    var sendBudget: UInt64 = 0
    switch owner {
    case .echoes, .answersHeads, .leavesEarly, .uploads:
      let eachStream = configuration.streamSendBudgetByteCount + configuration.maximumRawBlockByteCount
      sendBudget = configuration.maximumPeerStreamCount * UInt64(eachStream)
    case .ignores, .serves, .readsOnce: break
    }
    let bound = configuration.worstCaseMemoryByteCount(
      readBufferByteCount: UInt64(readBufferByteCount), sendBudgetByteCount: sendBudget)
    return Int(bound)
  }
}

extension SessionConfiguration {
  /// The smallest windows there are, so that the bound is tight and a leak is seen.
  static var tight: SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.sessionWindowByteCount = 1 << 20
    configuration.receiveBudgetByteCount = 1 << 20
    configuration.streamWindowByteCount = 65_536
    configuration.maximumPeerStreamCount = 16
    configuration.maximumRawBlockByteCount = 65_536
    configuration.blockByteCount = 65_536
    configuration.streamSendBudgetByteCount = 65_536
    configuration.receiveChains = .none
    configuration.receiveDictionaryByteCount = 0
    return configuration
  }

  /// The same with dictionaries.
  static var holdingDictionaries: SessionConfiguration {
    var configuration = SessionConfiguration.tight
    configuration.receiveDictionaryByteCount = 229_376
    return configuration
  }

  /// Small budgets for what costs the other end little.
  static var littlePatience: SessionConfiguration {
    var configuration = SessionConfiguration.tight
    configuration.abuseBudgets.shortDataBytes = AbuseBudgets.Budget(capacity: 262_144, perSecond: 1_024)
    configuration.abuseBudgets.opens = AbuseBudgets.Budget(capacity: 500, perSecond: 50)
    return configuration
  }

  /// The same with more streams, each of which may fill a quarter of the session's window.
  static var manyStreams: SessionConfiguration {
    var configuration = SessionConfiguration.tight
    configuration.maximumPeerStreamCount = 128
    configuration.streamWindowByteCount = 262_144
    return configuration
  }
}
