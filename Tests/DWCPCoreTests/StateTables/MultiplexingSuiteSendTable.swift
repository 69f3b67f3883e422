import NIOCore
import Testing

@testable import DWCPCore

/// The sending direction of a stream: every state, every input (SPEC section 7, first table; STR-9, STR-10).
///
/// In each state four bytes have been written, and the credit is sixteen. A cell is the phase that follows.
@Suite struct MultiplexingSuiteSendTable {
  private static let table = StateTable(
    """
    input          open       finishing  encoding   encoded    sent       finDue     finished   resetting  reset
    raiseCredit    open       open       open       open       open       open       finished   resetting  reset
    append         open       open       open       open       open       open       finished   resetting  reset
    detach         open       open       open       open       open       open       finished   resetting  reset
    finish         open       open       open       open       open       open       finished   resetting  reset
    cut            open       open       open       open       open       open       finished   resetting  reset
    takeWhole      open       open       open       open       open       open       finished   resetting  reset
    cutAndSend     open       finished   open       open       open       open       finished   resetting  reset
    enqueue        open       open       open       open       open       open       finished   resetting  reset
    enqueueStored  open       open       open       open       open       open       finished   resetting  reset
    completeBlock  open       open       open       open       open       open       finished   resetting  reset
    takeBlock      open       open       open       finished   open       open       finished   resetting  reset
    markFinSent    open       open       open       open       open       finished   finished   resetting  reset
    reset          resetting  resetting  resetting  resetting  resetting  resetting  resetting  resetting  reset
    receiveStop    resetting  resetting  resetting  resetting  resetting  resetting  finished   resetting  reset
    markResetSent  open       open       open       open       open       open       finished   reset      reset
    """)

  private enum State: String, CaseIterable {
    /// Written; written and to be finished; a block with a codec; encoded and to be finished; sent; sent and to be finished.
    case open, finishing, encoding, encoded, sent, finDue
    case finished, resetting, reset
  }

  private enum Input: String, CaseIterable {
    case raiseCredit, append, detach, finish, cut, takeWhole, cutAndSend, enqueue, enqueueStored
    case completeBlock, takeBlock, markFinSent, reset, receiveStop, markResetSent
  }

  @Test("the table decides every state and every input there is")
  func isComplete() throws {
    let problems = Self.table.problems(
      states: State.allCases.map(\.rawValue), inputs: Input.allCases.map(\.rawValue))
    #expect(problems == [])
    // `markSent` stands for what is sent as soon as it is cut.
    let methods = try mutatingMethods(ofSource: "Streams/SendHalf.swift")
    #expect(methods == Set(Input.allCases.map { $0 == .cutAndSend ? "markSent" : $0.rawValue }))
    #expect(Set(State.allCases.map { Self.half(in: $0).phase }) == Set(SendHalf.Phase.allCases))
  }

  @Test("each input does in each state what the table says, and no unit is lost")
  func cells() {
    for state in State.allCases {
      for input in Input.allCases {
        let before = Self.half(in: state)
        var after = before
        after.backlog.makeUnique()
        let refund = Self.apply(input, to: &after)
        #expect(Self.table[state.rawValue, input.rawValue] == "\(after.phase)", "\(input) in \(state)")
        #expect(after.cutEnd >= after.sentEnd && after.sentEnd >= before.sentEnd, "\(input) in \(state)")
        #expect(after.cutEnd + refund >= before.cutEnd, "\(input) in \(state) lost units it was charged")
        #expect(after.cutEnd <= after.creditLimit, "\(input) in \(state) went beyond the credit")
        if after.isEnded || after.phase == .resetting {
          #expect(after.bufferedByteCount == 0 && !after.hasBlocks && !after.canWrite, "\(input) in \(state)")
        }
      }
    }
  }

  private static func half(in state: State) -> SendHalf {
    var half = SendHalf(creditLimit: 16)
    _ = half.append(ByteBuffer(repeating: 7, count: 4), endsMessage: false)
    switch state {
    case .open: break
    case .finishing: half.finish()
    case .encoding: encode(&half)
    case .encoded:
      encode(&half)
      half.finish()
      complete(&half)
    case .sent: send(&half)
    case .finDue:
      send(&half)
      half.finish()
    case .finished:
      half.finish()
      send(&half)
    case .resetting: _ = half.reset(.cancelled)
    case .reset:
      _ = half.reset(.cancelled)
      half.markResetSent()
    }
    return half
  }

  private static func send(_ half: inout SendHalf) {
    guard half.cut(maximumRawByteCount: 64, maximumSpan: 64) != nil else { return }
    _ = half.markSent()
  }

  private static func complete(_ half: inout SendHalf) {
    _ = half.completeBlock(7, codec: .lz4, payload: ByteBuffer(repeating: 1, count: 2), decodedCheck: 0)
  }

  private static func encode(_ half: inout SendHalf) {
    guard var block = half.cut(maximumRawByteCount: 64, maximumSpan: 64) else { return }
    block.jobNumber = 7
    half.enqueue(block)
  }

  /// The units of credit that came back.
  private static func apply(_ input: Input, to half: inout SendHalf) -> UInt64 {
    switch input {
    case .raiseCredit: half.raiseCredit(to: 32)
    case .append: _ = half.append(ByteBuffer(repeating: 7, count: 4), endsMessage: false)
    case .detach: half.detach()
    case .finish: half.finish()
    case .cut: _ = half.cut(maximumRawByteCount: 64, maximumSpan: 64)
    case .takeWhole: _ = half.takeWhole(maximumRawByteCount: 64, maximumSpan: 64)
    case .cutAndSend: send(&half)
    case .enqueue: encode(&half)
    case .enqueueStored:
      guard let block = half.cut(maximumRawByteCount: 64, maximumSpan: 64) else { break }
      #expect(half.enqueueStored(block, pieceByteCount: 3) == 2)
    case .completeBlock: complete(&half)
    case .takeBlock: _ = half.takeBlock()
    case .markFinSent: half.markFinSent()
    case .reset: return half.reset(.cancelled)
    case .receiveStop: return half.receiveStop(.cancelled)
    case .markResetSent: half.markResetSent()
    }
    return 0
  }
}
