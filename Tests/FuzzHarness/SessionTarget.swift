import DWCPCore
import NIOCore
import Simulation

/// Input: u8 configurations, then operations: u8 kind, and what it takes. The simulation's model says what has to come of them; once
/// a frame was injected, only what holds whatever a peer does.
enum SessionTarget {
  private static let maximumOperationCount = 200
  private static let codecs = CodecContext()

  static func problem(in bytes: [UInt8]) -> String? {
    var input = FuzzInput(bytes)
    let seed = UInt64(input.byte())
    var operations: [Operation] = []
    while !input.isEmpty, operations.count < maximumOperationCount {
      operations.append(operation(&input))
    }
    var world = World(Scenario(seed: seed, operations: operations), codecs: codecs)
    world.run(operations)
    return world.problem
  }

  private static func operation(_ input: inout FuzzInput) -> Operation {
    let kind = input.byte()
    let end: End = kind & 0x80 == 0 ? .client : .server
    switch kind & 0x1F {
    case 0, 1: return .open(end)
    case 2, 3, 4:
      return .write(
        end, stream: Int(input.byte()), byteCount: input.short() % 20_000, isNoise: kind & 0x40 != 0,
        endsMessage: kind & 0x20 != 0)
    case 5: return .finish(end, stream: Int(input.byte()))
    case 6: return .reset(end, stream: Int(input.byte()))
    case 7: return .stop(end, stream: Int(input.byte()))
    case 8: return .release(end, stream: Int(input.byte()))
    case 9, 10, 11: return .read(end, stream: Int(input.byte()), maximumByteCount: 1 + input.short())
    case 12, 13: return .send(end, maximumByteCount: 1 + input.short())
    // A small piece of a large number of bytes would only take time.
    case 14, 15: return .arrive(end, byteCount: 1 + input.short(), pieceByteCount: 16 + Int(input.byte()) * 64)
    case 16: return .arrive(end, byteCount: 1 + Int(input.byte()), pieceByteCount: 1 + Int(input.byte() & 15))
    case 17, 18: return .runJobs(end, seed: UInt64(input.byte()))
    case 19: return .advance(milliseconds: input.short())
    case 20: return .ping(end)
    case 21: return .drain(end)
    case 22: return .cut
    case 29: return .announce(end, codecCount: 1 + Int(input.byte()) % 3)
    case 30: return .offer(end, dictionary: Int(input.byte()))
    case 31: return objectOperation(end, &input)
    default: return .inject(end, frame: frame(kind, &input))
    }
  }

  /// A frame with right checks, of any type, most often one that means something.
  private static func frame(_ kind: UInt8, _ input: inout FuzzInput) -> [UInt8] {
    let types: [UInt8] = [
      0x41, 0x41, 0x40, 0x42, 0x43, 0x07, 0x08, 0x44, 0x06, 0x05, 0x04, 0x09, 0xBA, 0x03, 0x01, 0x02,
      0x45, 0x46, 0x47, 0x0D, 0xC0,
    ]
    let choice = input.byte()
    let type = choice < 0xF0 ? types[Int(choice) % types.count] : input.byte()
    let flags = input.byte() ^ 0x80
    let stream = input.byte()
    let body =
      switch type {
      case 0x41: dataBody(&input)
      case 0x46: dictionaryBody(&input)
      default: input.bytes(Int(input.byte() & 63))
      }
    var frame: [UInt8] = [type, flags, 0, 0, 0, 0, 0, stream, 0, 0]
    frame += [UInt8(body.count >> 8), UInt8(truncatingIfNeeded: body.count), 0, 0, 0, 0] + body
    if flags & 0x80 != 0 { frame += [0, 0, 0, 0] }
    FrameRepair.repair(
      &frame, broken: kind & 0x40 != 0 ? input.short() : 0, mend: FrameRepair.mendDictionary)
    return frame
  }

  /// A dictionary that comes in one part, of domain 0 and mostly of the length that it says; `FrameRepair` puts its hash in.
  private static func dictionaryBody(_ input: inout FuzzInput) -> [UInt8] {
    let id = input.byte()
    let surplus = input.byte() & 0x0F
    let content = input.bytes(Int(input.byte() & 63))
    let head = [0, 0, 0, id] + [UInt8](repeating: 0, count: 8) + [0, 0, 0, UInt8(content.count) + surplus, 0, 0, 0, 0]
    return head + [UInt8](repeating: 0, count: 32) + content
  }

  private static func dataBody(_ input: inout FuzzInput) -> [UInt8] {
    let offset = input.short()
    let codec = input.byte()
    let rawByteCount = input.short()
    let payload = input.bytes(Int(input.byte()))
    return [0, 0, 0, 0, 0, 0, UInt8(offset >> 8), UInt8(truncatingIfNeeded: offset), codec, 0]
      + [UInt8(rawByteCount >> 8), UInt8(truncatingIfNeeded: rawByteCount)] + payload
  }
}

extension SessionTarget {
  /// Lists of operations in which each kind stands, of several lengths.
  static var seeds: [[UInt8]] {
    let exchange: [UInt8] = [0, 0x22, 0, 4, 0, 12, 0xFF, 0xFF, 0x8E, 0xFF, 0xFF, 9]
    let answer: [UInt8] = [17, 0, 0x91, 1, 0x89, 0, 0x40, 0, 0xA2, 0, 0, 9, 0x8C, 0xFF, 0xFF, 14, 0xFF, 0xFF, 1]
    let endings: [UInt8] = [5, 0, 0x85, 0, 6, 1, 0x87, 2, 8, 3, 0x88, 0, 20, 0x94]
    var seeds: [[UInt8]] = [exchange, exchange + answer, exchange + answer + endings]
    for type in 0..<21 as Range<UInt8> {
      seeds.append(exchange + answer + [0x97, type, 0, 1, 0, 0, 0, 0, 5, 5, 1, 2, 3, 4, 5] + answer)
    }
    // Codecs withdrawn and taken up again, and dictionaries, from both ends and between exchanges.
    let updates: [UInt8] = [29, 0, 0x9D, 1] + answer + [29, 2, 0x9D, 2]
    let offers: [UInt8] = [30, 1, 0x9E, 2] + answer + [30, 3, 0x9E, 4]
    let short: [UInt8] = [2, 0, 0, 200, 0x22, 0, 1, 0, 0x82, 0, 0, 150] + [12, 0xFF, 0xFF, 0x8C, 0xFF, 0xFF]
    for scenario in 0..<24 as Range<UInt8> {
      seeds.append(
        exchange + answer + (scenario % 2 == 0 ? updates + offers : offers + updates) + short + answer + short + answer)
    }
    for kind in 0..<31 as Range<UInt8> { seeds.append(exchange + answer + [kind, 0, 1, 1, 1] + exchange + answer) }
    var random = SeededGenerator(seed: 7)
    for length in [60, 200, 500] {
      for _ in 0..<4 { seeds.append((0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }) }
    }
    return (seeds + objectSeeds).enumerated().map { [UInt8(truncatingIfNeeded: $0.offset)] + $0.element }
  }
}
