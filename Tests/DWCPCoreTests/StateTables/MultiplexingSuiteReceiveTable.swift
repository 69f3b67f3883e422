import NIOCore
import Testing

@testable import DWCPCore

/// The receiving direction of a stream: every state, every input (SPEC section 7, second table; DAT-6, STR-11, CRD-1, CRD-6).
///
/// In each state four units have come, and the credit is sixteen. A cell is the phase that follows, or the rule that the input breaks.
@Suite struct MultiplexingSuiteReceiveTable {
  private static let table = StateTable(
    """
    input         open       openRead   sizeKnown  sizeKnownRead  stopped  left     reset    done
    more          open       open       !STR-11    !STR-11        stopped  stopped  !STR-11  !STR-11
    moreAndFin    sizeKnown  sizeKnown  !STR-11    !STR-11        done     done     !STR-11  !STR-11
    plain         open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    plainAndFin   sizeKnown  sizeKnown  sizeKnown  sizeKnown      stopped  stopped  reset    done
    fin           sizeKnown  sizeKnown  sizeKnown  sizeKnown      done     done     reset    done
    lowFin        !STR-11    !STR-11    !STR-11    !STR-11        !STR-11  !STR-11  !STR-11  !STR-11
    again         open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    againAndFin   !DAT-6     !DAT-6     sizeKnown  sizeKnown      !DAT-6   !DAT-6   reset    done
    overlap       !DAT-6     !DAT-6     !STR-11    !STR-11        !DAT-6   !DAT-6   !STR-11  !STR-11
    gap           !DAT-6     !DAT-6     !STR-11    !STR-11        !DAT-6   !DAT-6   !STR-11  !STR-11
    overCredit    !CRD-1     !CRD-1     !STR-11    !STR-11        !CRD-1   !CRD-1   !STR-11  !STR-11
    resetHere     reset      reset      reset      sizeKnown      done     done     reset    done
    resetAhead    reset      reset      !STR-11    !STR-11        done     done     !STR-11  !STR-11
    resetBehind   !STR-11    !STR-11    !STR-11    !STR-11        !STR-11  !STR-11  !STR-11  !STR-11
    resetTooFar   !CRD-6     !CRD-6     !STR-11    !STR-11        !CRD-6   !CRD-6   !STR-11  !STR-11
    read          open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    stop          stopped    stopped    done       done           stopped  stopped  done     done
    abandon       stopped    stopped    done       done           stopped  stopped  done     done
    takeOwedStop  open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    acknowledge   open       open       sizeKnown  done           stopped  stopped  done     done
    grant         open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    tune          open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    expect        open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    writeOff      open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    vacate        open       open       sizeKnown  sizeKnown      stopped  stopped  reset    done
    """)

  private enum State: String, CaseIterable {
    case open, openRead, sizeKnown, sizeKnownRead, stopped, left, reset, done
  }

  private enum Input: String, CaseIterable {
    case more, moreAndFin, plain, plainAndFin, fin, lowFin, again, againAndFin, overlap, gap, overCredit
    case resetHere, resetAhead, resetBehind, resetTooFar
    case read, stop, abandon, takeOwedStop, acknowledge, grant
    case tune, expect, writeOff, vacate
  }

  /// The mutating methods behind the inputs; one that is missing here has not been decided.
  private static let methods: Set<String> = [
    "charge", "take", "receiveReset", "read", "stop", "abandon", "takeOwedStop", "acknowledgeEnd", "grant",
    "tuneWindow", "expect", "writeOff", "vacate",
  ]

  @Test("the table decides every state and every input there is")
  func isComplete() throws {
    let problems = Self.table.problems(
      states: State.allCases.map(\.rawValue), inputs: Input.allCases.map(\.rawValue))
    #expect(problems == [])
    #expect(try mutatingMethods(ofSource: "Streams/ReceiveHalf.swift") == Self.methods)
    let phases = try Set(State.allCases.map { try Self.half(in: $0).phase })
    #expect(phases == Set(ReceiveHalf.Phase.allCases))
  }

  @Test("each input does in each state what the table says, and what is refused changes nothing")
  func cells() throws {
    for state in State.allCases {
      let before = try Self.half(in: state)
      for input in Input.allCases {
        var after = before
        after.queue.makeUnique()
        var outcome: String
        do throws(SessionError) {
          try Self.apply(input, to: &after)
          outcome = "\(after.phase)"
        } catch {
          outcome = "!\(error.rule)"
          #expect(after == before, "\(input) in \(state) was refused and changed something")
        }
        #expect(Self.table[state.rawValue, input.rawValue] == outcome, "\(input) in \(state)")
        #expect(after.received >= before.received && after.consumed >= before.consumed, "\(input) in \(state)")
        #expect(after.consumed <= after.received, "\(input) in \(state)")
        #expect(before.finalOffset == nil || after.finalOffset == before.finalOffset, "\(input) in \(state)")
        #expect(after.phase != .done || after.consumed == after.received, "\(input) in \(state) keeps credit for ever")
      }
    }
  }

  private static func half(in state: State) throws(SessionError) -> ReceiveHalf {
    var half = ReceiveHalf(grantedLimit: 16)
    try receive(0..<4, isFinal: [.sizeKnown, .sizeKnownRead, .done].contains(state), in: &half)
    switch state {
    case .open, .sizeKnown: break
    case .openRead, .sizeKnownRead: _ = half.read(maximumByteCount: 4)
    case .stopped: _ = half.stop(.cancelled)
    case .left:
      _ = half.read(maximumByteCount: 4)
      _ = half.abandon()
    case .reset: try half.receiveReset(.cancelled, finalOffset: 4)
    case .done:
      _ = half.read(maximumByteCount: 4)
      half.acknowledgeEnd()
    }
    return half
  }

  private static func apply(_ input: Input, to half: inout ReceiveHalf) throws(SessionError) {
    switch input {
    case .more: try receive(4..<6, in: &half)
    case .moreAndFin: try receive(4..<6, isFinal: true, in: &half)
    case .plain: try receivePlain(in: &half)
    case .plainAndFin: try receivePlain(isFinal: true, in: &half)
    case .fin: try receive(4..<4, isFinal: true, in: &half)
    case .lowFin: try receive(0..<2, isFinal: true, in: &half)
    case .again: try receive(0..<4, in: &half)
    case .againAndFin: try receive(2..<4, isFinal: true, in: &half)
    case .overlap: try receive(2..<6, in: &half)
    case .gap: try receive(5..<6, in: &half)
    case .overCredit: try receive(4..<17, in: &half)
    case .resetHere: try half.receiveReset(.cancelled, finalOffset: 4)
    case .resetAhead: try half.receiveReset(.cancelled, finalOffset: 6)
    case .resetBehind: try half.receiveReset(.cancelled, finalOffset: 3)
    case .resetTooFar: try half.receiveReset(.cancelled, finalOffset: 17)
    case .read: _ = half.read(maximumByteCount: 1)
    case .stop: _ = half.stop(.cancelled)
    case .abandon: _ = half.abandon()
    case .takeOwedStop: _ = half.takeOwedStop()
    case .acknowledge: half.acknowledgeEnd()
    case .grant: half.grant(32)
    case .tune:
      half.tuneWindow(roundTripNanoseconds: 1, now: Instant(nanoseconds: 1), bounds: 16...64)
    case .expect: half.expect(64, limit: 128)
    case .vacate: half.vacate()
    case .writeOff: _ = half.writeOff()
    }
  }

  private static func receive(
    _ units: Range<UInt64>, isFinal: Bool = false, in half: inout ReceiveHalf
  ) throws(SessionError) {
    guard try half.check(start: units.lowerBound, end: units.upperBound, isFinal: isFinal) == .new else { return }
    if half.charge(end: units.upperBound, isFinal: isFinal) {
      _ = half.queue.contents.append(ByteBuffer(repeating: 7, count: units.count))
    }
  }

  /// Two units that come next, the short way.
  private static func receivePlain(isFinal: Bool = false, in half: inout ReceiveHalf) throws(SessionError) {
    var batch = TransmitBatch()
    batch.writeData(
      DataFrame(offset: 4, codecID: Codec.none.rawValue, rawByteCount: 2), flags: 0, streamID: StreamID(rawValue: 1),
      markTable: nil, dictionaryID: nil, decodedCheck: nil, payload: ByteBuffer(repeating: 7, count: 2), isCopied: true,
      isChecked: true)
    var input = ByteBuffer(bytes: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0])
    batch.forEachBuffer { input.writeImmutableBuffer($0) }
    var parser = FrameParser(maximumRawBlockByteCount: 65_536)
    while try parser.step(&input) != .dataFrame {}
    _ = half.take(payloadOf: &parser, units: 2, isFinal: isFinal, endsMessage: false)
  }
}
