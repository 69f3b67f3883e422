internal import DWCPCore
internal import NIOCore

/// What two engines are to do, and how little room they get for it; the order is what the search tries out.
public struct InterleavingPlan: Sendable, CustomStringConvertible {
  /// One stream: who opens it, and how many blocks each end writes before its FIN. An end that writes none finishes when it learns of the stream.
  public struct Stream: Hashable, Sendable {
    var opener: End
    var clientBlockCount: Int
    var serverBlockCount: Int

    func blockCount(from writer: End) -> Int { writer == .client ? clientBlockCount : serverBlockCount }
  }

  /// What an application may do to its stream once, at any time or never.
  public struct Cut: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
      case reset, stop, release
    }

    var kind: Kind
    var end: End
    var stream: Int
  }

  /// What it is called on the command line.
  public let name: String
  public var description: String { name }
  var streams: [Stream]
  /// Every write and every block on the wire has so many raw bytes.
  var blockByteCount = 524_288
  /// Blocks that fit into the window of a stream; SPEC section 6 allows no window below 65,536 bytes.
  var streamWindowBlockCount = 1
  /// The same for all streams together, at least 1 MiB.
  var sessionWindowBlockCount = 4
  /// Blocks that an application may have waiting before it is asked to wait (`writable`).
  var sendBudgetBlockCount = 1
  /// The handshake is over and the link was measured before the search begins.
  var isWarm = true
  /// Raw bytes of the blocks that measured it: the fewer, the less the link may have on its way.
  var warmBlockByteCount = 524_288
  /// Nothing of the link is left out of the projection: for plans in which ACK-4 holds blocks up, or blocks are short.
  public var isExact = false
  /// An application opens a stream together with its first block there, and ends with its last: fewer orders, for plans that have many.
  public internal(set) var isTerse = false
  var cuts: [Cut] = []
  /// Blocks are compressed with LZ4, and each job comes back at a time of its own.
  var isCompressed = false
  /// Bytes at the front of each block that no codec makes shorter.
  var noiseByteCount = 0

  var configuration: SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.decodableCodecs = isCompressed ? [.lz4, .none] : [.none]
    configuration.compression = .fixed(isCompressed ? .lz4Default : .none)
    configuration.maximumEncodeJobCount = 1
    configuration.requiresIntegrity = false
    configuration.idleTimeoutMilliseconds = 0
    configuration.maximumRawBlockByteCount = max(65_536, blockByteCount)
    configuration.blockByteCount = blockByteCount
    configuration.streamWindowByteCount = UInt64(streamWindowBlockCount * blockByteCount)
    configuration.sessionWindowByteCount = UInt64(sessionWindowBlockCount * blockByteCount)
    configuration.receiveBudgetByteCount = configuration.sessionWindowByteCount
    configuration.streamSendBudgetByteCount = sendBudgetBlockCount * blockByteCount
    configuration.maximumPeerStreamCount = 16
    configuration.abuseBudgets = Self.unlimitedBudgets
    return configuration
  }

  /// The abuse ledger, switched off: more than any of these sessions can use up.
  private static var unlimitedBudgets: AbuseBudgets {
    var budgets = AbuseBudgets()
    let unlimited = AbuseBudgets.Budget(capacity: .max, perSecond: .max)
    budgets.pings = unlimited
    budgets.framesWithoutProgress = unlimited
    budgets.resets = unlimited
    budgets.shortDataBytes = unlimited
    return budgets
  }
}

/// What each application writes: no two blocks have the same bytes, so that any that is lost, repeated or misplaced is seen.
struct InterleavingContent: Sendable {
  private let blocks: [[ByteBuffer]]
  private let blockByteCount: Int

  init(_ plan: InterleavingPlan) {
    blockByteCount = plan.blockByteCount
    blocks = plan.streams.indices.flatMap { stream in
      End.allCases.map { writer in
        (0..<plan.streams[stream].blockCount(from: writer)).map { block in
          let value = UInt8(truncatingIfNeeded: 1 + stream * 16 + (writer == .client ? 0 : 8) + block)
          return Self.block(value, plan)
        }
      }
    }
  }

  private static func block(_ value: UInt8, _ plan: InterleavingPlan) -> ByteBuffer {
    var random = SeededGenerator(seed: UInt64(value))
    var block = ByteBuffer(bytes: (0..<plan.noiseByteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    block.writeRepeatingByte(value, count: plan.blockByteCount - plan.noiseByteCount)
    return block
  }

  private func place(_ stream: Int, _ writer: End) -> Int { 2 * stream + (writer == .client ? 0 : 1) }

  func block(_ number: Int, of stream: Int, from writer: End) -> ByteBuffer {
    blocks[place(stream, writer)][number]
  }

  /// Whether a reader that has got so many bytes may get these.
  func matches(_ bytes: ByteBuffer, of stream: Int, from writer: End, at offset: Int) -> Bool {
    let written = blocks[place(stream, writer)]
    guard offset + bytes.readableBytes <= written.count * blockByteCount else { return false }
    // Each block has a value of its own: a few looks at each find any that lies wrong.
    for index in stride(from: 0, to: bytes.readableBytes, by: min(4_093, blockByteCount / 4)) {
      let (block, place) = (offset + index).quotientAndRemainder(dividingBy: blockByteCount)
      guard
        bytes.getInteger(at: bytes.readerIndex + index, as: UInt8.self)
          == written[block].getInteger(at: place, as: UInt8.self)
      else { return false }
    }
    return true
  }
}
