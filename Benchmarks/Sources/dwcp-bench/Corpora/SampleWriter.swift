import NIOCore

/// Writes text and pages like those of a running machine.
struct SampleWriter {
  private static let pageByteCount = 4_096
  private static let words = [
    "connection", "request", "started", "finished", "timeout", "retry", "volume", "snapshot", "migrated", "guest",
    "balloon", "dirty", "pages", "network", "bridge", "device", "attached", "detached", "lease", "renewed",
  ]
  private static let levels = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"]

  var generator: SeededGenerator
  private var clock: UInt64 = 1_700_000_000_000

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func writeLogLine(into buffer: inout ByteBuffer) {
    let random = generator.next()
    clock += random & 0xFF
    buffer.writeString("\(clock) host-\(random >> 8 & 0x3F) \(Self.levels[Int(random >> 16 & 0xFF) % 6]) vm=")
    buffer.writeString(String(generator.next() & 0xFFFF_FFFF, radix: 16))
    writeWords(3 + Int(random >> 24 & 7), into: &buffer)
    buffer.writeString(" took \(random >> 32 & 0xFFFF)us\n")
  }

  mutating func writeMessage(into buffer: inout ByteBuffer) {
    let random = generator.next()
    buffer.writeString("{\"id\":\"\(String(generator.next(), radix: 16))\",\"cpu\":\(random & 0x3FF),\"state\":\"")
    buffer.writeString("\(Self.words[Int(random >> 16 & 0xFFFF) % 20])\",\"memoryBytes\":\(random >> 32),\"tags\":[\"")
    writeWords(2, into: &buffer)
    buffer.writeString("\"]}\n")
  }

  private mutating func writeWords(_ count: Int, into buffer: inout ByteBuffer) {
    var random = generator.next()
    for _ in 0..<count {
      buffer.writeStaticString(" ")
      buffer.writeString(Self.words[Int(random & 0x1F) % 20])
      random >>= 5
    }
  }

  /// A page that is empty, a table of pointers, small numbers, or noise.
  mutating func writePage(into buffer: inout ByteBuffer) {
    let kind = generator.next() % 8
    let base = 0x7FFF_0000_0000 | (generator.next() & 0xFFFF_0000)
    for _ in 0..<(Self.pageByteCount / 8) {
      switch kind {
      case 0, 1: buffer.writeInteger(UInt64(0), endianness: .little)
      case 2, 3, 4: buffer.writeInteger(base | (generator.next() & 0xFFF8), endianness: .little)
      case 5, 6: buffer.writeInteger(generator.next() & 0xFF, endianness: .little)
      default: buffer.writeInteger(generator.next(), endianness: .little)
      }
    }
  }
}

extension SampleWriter {
  /// A JSON object of about so many bytes, as a service would report on a machine: its parts have names that all share, and values of their own.
  mutating func writeReport(into buffer: inout ByteBuffer, byteCount: Int) {
    let start = buffer.writerIndex
    let random = generator.next()
    clock += random & 0xFFF
    buffer.writeString("{\"timestamp\":\(clock),\"host\":\"host-\(random >> 8 & 0x3F).example.net\",\"guest\":\"")
    buffer.writeString(
      "\(String(generator.next(), radix: 16))\",\"severity\":\"\(Self.levels[Int(random >> 16 & 0xFF) % 6])\"")
    buffer.writeString(",\"readings\":[")
    var separator = ""
    while buffer.writerIndex - start < byteCount - 60 {
      let reading = generator.next()
      buffer.writeString("\(separator){\"device\":\"\(Self.words[Int(reading & 0xFF) % 20])\",\"bytesPerSecond\":")
      buffer.writeString("\(reading >> 40),\"errors\":\(reading >> 8 & 7)}")
      separator = ","
    }
    buffer.writeString("]}")
  }
}
