import DWCPCore
import NIOCore
import Simulation

/// Objects in sessions: u8 what, of which bits 4 and 5 say which object, and bits 6 and 7 how; and what that takes.
extension SessionTarget {
  static func objectOperation(_ end: End, _ input: inout FuzzInput) -> Operation {
    let what = input.byte()
    let object = Int(what >> 4 & 3)
    let isOther = what & 0x40 != 0
    switch what & 0x0F {
    case 0, 1:
      return .object(end, .open(object: object, byteCount: 1 + 3 * input.short(), forgetsBase: isOther))
    case 2, 3, 4, 5:
      let first = Int(input.byte() & 63)
      let pages = first..<first + 1 + Int(input.byte() & 63)
      return .object(
        end, .write(object: object, pages: pages, fill: input.byte(), base: isOther ? 3 * input.short() : nil))
    case 6: return .object(end, .drop(object: object))
    case 7: return .object(end, .release(object: object))
    case 8: return .object(end, .adopt(object: object, isWrong: isOther))
    case 9, 10: return .inject(end, frame: opening(object, &input))
    case 11, 12: return .inject(end, frame: answer(object, &input))
    default: return .inject(end, frame: pages(&input))
    }
  }

  /// OPEN of a version (SPEC BAS-1).
  private static func opening(_ object: Int, _ input: inout FuzzInput) -> [UInt8] {
    let stream = input.byte()
    var body = ByteBuffer()
    let name = name(of: object)
    body.writeMultipleIntegers(UInt16(4), UInt16(8), name.domain, UInt16(5), UInt16(48), name.number)
    for _ in 0..<3 { body.writeInteger(UInt64(input.byte())) }
    body.writeMultipleIntegers(UInt64(3 * input.short()), UInt64(input.byte()))
    return frame(0x40, stream: stream, flags: 0, body)
  }

  /// BASELINE_ANSWER (SPEC BAS-5).
  private static func answer(_ object: Int, _ input: inout FuzzInput) -> [UInt8] {
    let name = name(of: object)
    var body = ByteBuffer()
    body.writeMultipleIntegers(name.domain, name.number, UInt64(input.byte()), UInt64(input.short()))
    body.writeInteger(UInt32(input.byte() & 3) << 24)
    return frame(0x48, stream: 0, flags: 0, body)
  }

  /// A block of pages of one byte, with a right decoded check unless the method is told not to (SPEC BAS-2, BAS-3).
  private static func pages(_ input: inout FuzzInput) -> [UInt8] {
    let stream = input.byte()
    let offset = 4_096 * UInt64(input.byte())
    let kind = input.byte()
    let method = kind & 0x0F
    let (firstPage, count) = (input.byte(), 1 + Int(input.byte() & 15))
    let byte = method == 3 ? 0 : input.byte()
    let raw = ByteBuffer(repeating: byte, count: 4_096 * count - (kind & 0x10 == 0 ? 0 : 1_000))
    let payload =
      switch method {
      case 0: ByteBuffer(repeating: byte, count: raw.readableBytes)
      case 2: ByteBuffer(repeating: 0, count: 64 * count)
      case 3: ByteBuffer()
      default: ByteBuffer(bytes: input.bytes(Int(input.byte())))
      }
    var body = ByteBuffer()
    let codec: UInt32 = method == 1 || method == 4 ? 2 : 0
    body.writeMultipleIntegers(
      offset, codec << 24 | UInt32(raw.readableBytes), method, UInt8(0), UInt16(kind & 0x20 == 0 ? 2 : 4))
    if method == 4 { body.writeMultipleIntegers(UInt64(input.short()), UInt32(1 + input.short())) }
    body.writeMultipleIntegers(firstPage, UInt8(count - 1))
    if kind & 0x20 != 0 { body.writeMultipleIntegers(input.byte(), input.byte()) }
    body.writeInteger(CRC32C.checksum(raw.readableBytesSpan) ^ (kind & 0x40 == 0 ? 0 : 1))
    body.writeImmutableBuffer(payload)
    return frame(0x41, stream: stream, flags: kind & 0x80 == 0 ? 0x20 : 0x21, body)
  }

  private static func name(of object: Int) -> ObjectName {
    ObjectName(domain: UInt64(object & 1), number: UInt64(object >> 1))
  }

  private static func frame(_ type: UInt8, stream: UInt8, flags: UInt8, _ body: ByteBuffer) -> [UInt8] {
    let count = body.readableBytes
    var frame: [UInt8] = [type, flags | 0x80, 0, 0, 0, 0, 0, stream, 0, UInt8(count >> 16), UInt8(count >> 8 & 0xFF)]
    frame += [UInt8(count & 0xFF), 0, 0, 0, 0] + body.readableBytesView + [0, 0, 0, 0]
    FrameRepair.repair(&frame, broken: 0)
    return frame
  }

  /// Versions that stand, that are reset, stopped and dropped, that go on from another base, and that a peer makes up.
  static var objectSeeds: [[UInt8]] {
    // Several numbers, and so configurations, for each.
    (lives(of: 0) + lives(of: 0x80) + hostileSeeds).flatMap { [$0, $0, $0] }
  }

  private static let sendBoth: [UInt8] = [12, 0xFF, 0xFF, 0x8C, 0xFF, 0xFF]
  private static let arriveBoth: [UInt8] = [0x8E, 0xFF, 0xFF, 9, 14, 0xFF, 0xFF, 9]
  private static let workBoth: [UInt8] = [17, 0, 0x91, 0]
  private static let readBoth: [UInt8] = [
    9, 0, 0xFF, 0xFF, 0x89, 0, 0xFF, 0xFF, 9, 1, 0xFF, 0xFF, 0x89, 1, 0xFF, 0xFF, 9, 2, 0xFF, 0xFF, 0x89, 2, 0xFF, 0xFF,
  ]
  private static let handshake = [sendBoth, arriveBoth, sendBoth, arriveBoth, sendBoth, arriveBoth].flatMap { $0 }
  /// Everything is encoded, sent, decoded and read at both ends.
  private static let carry = [workBoth, sendBoth, arriveBoth, workBoth, readBoth, sendBoth, arriveBoth].flatMap { $0 }

  /// - Parameter end: the bit that says which end sends the objects.
  private static func lives(of end: UInt8) -> [[UInt8]] {
    let object = 31 ^ end
    let (finish, reset, stop) = (5 ^ end, 6 ^ end, 0x87 ^ end)
    func begin(_ byteCount: Int, what: UInt8 = 0) -> [UInt8] {
      let thirds = byteCount / 3
      return [object, what, UInt8(thirds >> 8), UInt8(thirds & 0xFF)]
    }
    func write(_ firstPage: UInt8, _ count: UInt8, _ fill: UInt8) -> [UInt8] {
      [object, 2, firstPage, count - 1, fill]
    }
    let whole = [begin(60_000), write(0, 10, 3), write(10, 2, 4), write(12, 3, 7)].flatMap { $0 }
    let moved: [UInt8] = [object, 0x42, 10, 1, 4, 0, 9]
    let next = [begin(60_003), write(0, 3, 5), write(3, 2, 0), write(5, 5, 2), moved, write(12, 3, 9)].flatMap { $0 }
    let stood = handshake + whole + [finish, 0] + carry + carry
    let drop = [object ^ 0x80, 6]
    let release = [object, 7]
    func adopt(_ how: UInt8) -> [UInt8] { handshake + [object, 8 | how] + begin(12_288) + write(0, 3, 5) }
    let another = begin(5_000, what: 0x40) + write(0, 1, 3)
    let lives: [[[UInt8]]] = [
      [
        stood, next, [finish, 1], carry, carry, begin(9_000), write(0, 2, 1), [finish, 2], carry, release, carry,
      ],
      [stood, next, drop, [finish, 1], carry, carry, carry],
      [stood, drop, next, carry, [finish, 1], carry, carry],
      [stood, next, [reset, 1], carry, next, carry, [stop, 2], carry, carry, another, carry],
      [stood, release, next, [finish, 1], carry, another, [finish, 2], carry],
      [adopt(0), [finish, 0], carry, carry],
      [adopt(0x40), [finish, 0], carry, carry, carry],
      [adopt(0x40), carry, carry, [finish, 0], carry, carry],
    ]
    return lives.map { Array($0.joined()) }
  }

  private static var hostileSeeds: [[UInt8]] {
    // For the acceptor, from a peer that opens stream 1.
    let open: [UInt8] = [0x9F, 9, 1, 1, 0, 1, 0x20, 0, 0]
    let next: [UInt8] = [0x9F, 9, 3, 1, 1, 2, 0x20, 0, 0]
    func pages(_ stream: UInt8, _ kind: UInt8, offset: UInt8, _ first: UInt8, _ rest: [UInt8] = [7]) -> [UInt8] {
      [0x9F, 13, stream, offset, kind, first, 1] + rest
    }
    let arrive: [UInt8] = [0x8E, 0xFF, 0xFF, 9, 0x91, 0, 0x8E, 0xFF, 0xFF, 9]
    let stood = handshake + open + pages(1, 0, offset: 0, 0) + pages(1, 0x83, offset: 2, 2, []) + arrive + carry
    var seeds = [stood]
    for method in 0..<5 as Range<UInt8> {
      let payload: [UInt8] = method == 1 || method == 4 ? [7, 9, 0x28, 0xB5, 0x2F, 0xFD, 0x20, 8, 0x03, 0, 0] : [7]
      for kind in [0, 0x10, 0x40, 0x80] as [UInt8] {
        let parts = [
          stood, next, pages(3, method | kind, offset: 0, 0, payload), arrive, pages(3, 0, offset: 0, 0), arrive,
          pages(3, 0x80, offset: 2, 4), arrive, carry,
        ]
        seeds.append(parts.flatMap { $0 })
      }
    }
    // Answers about a version that the initiator has begun.
    let begun: [UInt8] = handshake + [31, 0, 0x20, 0, 31, 2, 0, 3, 3] + carry
    for kind in 0..<4 as Range<UInt8> {
      for (version, value) in [(0, 0), (1, 0), (1, 1), (2, 0)] as [(UInt8, UInt8)] {
        seeds.append(begun + [31, 11, version, 0, value, kind] + [14, 0xFF, 0xFF, 9] + [5, 0] + carry + carry)
      }
    }
    return seeds
  }
}
