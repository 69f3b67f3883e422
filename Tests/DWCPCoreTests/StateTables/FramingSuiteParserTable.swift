import NIOCore
import Testing

@testable import DWCPCore

/// The parser of a link: every phase, and what it does with too few bytes, with enough, and with what it must refuse (SPEC sections 3,
/// 4 and 8).
///
/// A row is a frame that passes through the phase; a cell is the phase behind it, a result, or the rule that is broken.
@Suite struct FramingSuiteParserTable {
  private static let table = StateTable(
    """
    input       preface   header         controlBody  dataExtension  markCount  markTable     dictionaryID  pageHead   pageTable     decodedCheck  payload       payloadCheck
    tooFew      preface   header         controlBody  dataExtension  markCount  markTable     dictionaryID  pageHead   pageTable     decodedCheck  payload       payloadCheck
    control     =preface  controlBody    =control     -              -          -             -             -          -             -             -             -
    data        =preface  dataExtension  -            payload        -          -             -             -          -             -             payloadCheck  =data
    marks       =preface  dataExtension  -            markCount      markTable  payload       -             -          -             -             payloadCheck  =data
    chained     =preface  dataExtension  -            markCount      markTable  decodedCheck  -             -          -             payload       payloadCheck  =data
    dictionary  =preface  dataExtension  -            markCount      markTable  dictionaryID  payload       -          -             -             payloadCheck  =data
    pages       =preface  dataExtension  -            pageHead       -          -             -             pageTable  decodedCheck  payload       payloadCheck  =data
    unchecked   =preface  dataExtension  -            payload        -          -             -             -          -             -             =data         -
    damaged     !PRE-2    !HDR-1         !HDR-3       !DAT-5         !DAT-4     !DAT-3        !DAT-3        !BAS-3     !BAS-3        !DAT-3        -             !HDR-3
    """)

  private enum Input: String, CaseIterable {
    case tooFew, control, data, marks, chained, dictionary, pages, unchecked, damaged
  }

  private static let control = WireBuilder().frame(0x04, bytes(UInt64(1))).bytes
  private static let data = WireBuilder().data([1, 2, 3]).bytes
  private static let marked = WireBuilder().data(marks: [1, 2], [1, 2, 3]).bytes
  private static let chained = WireBuilder().data(
    flags: 0x18, codec: 2, raw: 3, marks: [1], decodedCheck: 9, [1, 2, 3, 4]
  ).bytes
  private static let dictionary = WireBuilder().data(
    codec: 2, raw: 3, marks: [1], dictionary: 1, [1, 2]
  ).bytes
  private static let pages = WireBuilder().pages([1, 2, 3], codec: 2, raw: 4_096).bytes
  private static let unchecked = WireBuilder().frame(0x41, flags: 0, stream: 1, bytes(UInt64(0)) + [0, 0, 0, 1, 7])
    .bytes

  @Test("the table decides every phase there is")
  func isComplete() {
    let phases = FrameParser.Phase.allCases.map { "\($0)" }
    #expect(Self.table.problems(states: phases, inputs: Input.allCases.map(\.rawValue)) == [])
  }

  @Test("whole frames walk through the phases as the table says, one byte at a time")
  func walks() throws {
    for (input, frame) in [
      (Input.control, Self.control), (.data, Self.data), (.marks, Self.marked), (.chained, Self.chained),
      (.dictionary, Self.dictionary), (.pages, Self.pages), (.unchecked, Self.unchecked),
    ] {
      var parser = parser()
      var seen: [String: String] = [:]
      var bytes = ByteBuffer(integer: Preface().packed)
      bytes.writeImmutableBuffer(frame)
      while var byte = bytes.readSlice(length: 1) {
        let before = parser.phase
        let step = try parser.step(&byte)
        let after = step == .needsMore ? "\(parser.phase)" : Self.name(of: step)
        if after == "\(before)" {
          #expect(Self.table["\(before)", Input.tooFew.rawValue] == after)
        } else {
          seen["\(before)"] = after
        }
      }
      for phase in FrameParser.Phase.allCases {
        #expect(Self.table["\(phase)", input.rawValue] == seen["\(phase)"] ?? "-", "\(input) in \(phase)")
      }
    }
  }

  private func parser() -> FrameParser {
    FrameParser(maximumRawBlockByteCount: 65_536, allowsChains: true, allowsDictionaries: true, allowsObjects: true)
  }

  private static func name(of step: FrameParser.Step) -> String {
    switch step {
    case .needsMore: "needsMore"
    case .preface: "=preface"
    case .controlFrame: "=control"
    case .dataFrame: "=data"
    }
  }

  @Test("each phase refuses what does not belong there, and names the rule")
  func refusals() {
    for phase in FrameParser.Phase.allCases {
      var parser = parser()
      var rule = "-"
      do throws(SessionError) {
        if phase != .preface { _ = try Self.take(ByteBuffer(integer: Preface().packed), into: &parser) }
        _ = try Self.take(Self.damaged(in: phase), into: &parser)
      } catch {
        rule = "!\(error.rule)"
        #expect(parser.phase == phase, "\(rule) was found in \(parser.phase)")
      }
      #expect(Self.table["\(phase)", Input.damaged.rawValue] == rule, "damaged in \(phase)")
    }
  }

  private static func take(_ bytes: ByteBuffer, into parser: inout FrameParser) throws(SessionError) -> FrameParser.Step
  {
    var bytes = bytes
    var step = FrameParser.Step.needsMore
    while bytes.readableBytes > 0, step == .needsMore { step = try parser.step(&bytes) }
    return step
  }

  /// A frame that is right up to the phase and wrong in it. Payload bytes may be anything: only their check can tell.
  private static func damaged(in phase: FrameParser.Phase) -> ByteBuffer {
    let wire = WireBuilder()
    switch phase {
    case .preface: return ByteBuffer(string: "DWCX")
    case .header: return wire.raw([UInt8](repeating: 4, count: 16)).bytes
    case .controlBody: return wire.frame(0x04, length: 8, [UInt8](repeating: 9, count: 12)).bytes
    case .dataExtension: return wire.data(codec: 2, raw: 65_537, [1]).bytes
    case .markCount: return wire.data(marks: [], [1, 2]).bytes
    case .markTable: return wire.data(raw: 9, marks: [1], [1, 2]).bytes
    case .dictionaryID: return wire.data(codec: 2, raw: 3, dictionary: 1, [1, 2, 3]).bytes
    case .pageHead: return wire.pages(method: 5, [1], raw: 4_096).bytes
    case .pageTable: return wire.pages(method: 4, base: (0, 0), [1], raw: 4_096).bytes
    case .decodedCheck:
      return wire.data(flags: 0x08, codec: 2, raw: 3, decodedCheck: 1, [UInt8](repeating: 1, count: 68)).bytes
    case .payload: return ByteBuffer()
    case .payloadCheck:
      var bytes = data
      bytes.setInteger(UInt32(7), at: bytes.writerIndex - 4)
      return bytes
    }
  }
}
