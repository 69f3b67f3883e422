import NIOCore

/// A stream of any of the libraries, on its event loop: what the workloads need of it, and no more.
protocol ByteStream: AnyObject {
  /// Hands bytes over, and ends this direction behind them if asked to. False when the writer is to wait for
  /// ``StreamUser/writable(_:)``.
  func write(_ bytes: ByteBuffer, ends: Bool) -> Bool
  /// Behind the last of several writes.
  func flush()
}

/// What uses a stream.
protocol StreamUser: AnyObject {
  func opened(_ stream: any ByteStream)
  func received(_ bytes: ByteBuffer, _ stream: any ByteStream)
  func writable(_ stream: any ByteStream)
  /// The other end has ended its direction.
  func ended(_ stream: any ByteStream)
}

/// What opens streams, on its event loop.
protocol StreamOpener: AnyObject {
  func open(_ user: any StreamUser)
}

/// The first byte of each stream says what the server is to do with it.
enum Service {
  static let exchange = UInt8(ascii: "x")  // takes 1 KiB, answers with the same 1 KiB, ends
  static let echo = UInt8(ascii: "e")  // returns every byte that follows
  static let sink = UInt8(ascii: "s")  // counts the bytes that follow
  static let confirm = UInt8(ascii: "c")  // takes 8 bytes, a count; answers once the sinks have reached it
  static let heap = UInt8(ascii: "h")  // answers with 8 bytes, the heap in use
  static let idle = UInt8(ascii: "i")  // answers with one byte and stays open

  static let exchangeByteCount = 1_024
  static let echoByteCount = 64
  static let blockByteCount = 64 << 10

  static let exchangeMessage: ByteBuffer = {
    var message = ByteBuffer(integer: exchange)
    for index in 1..<exchangeByteCount { message.writeInteger(UInt8(truncatingIfNeeded: index * 7)) }
    return message
  }()

  static func echoMessage(round: Int) -> ByteBuffer {
    var message = ByteBuffer()
    message.reserveCapacity(echoByteCount)
    for index in 0..<echoByteCount { message.writeInteger(UInt8(truncatingIfNeeded: round + index * 31)) }
    return message
  }

  static func question(_ service: UInt8, count: UInt64? = nil) -> ByteBuffer {
    var message = ByteBuffer(integer: service)
    if let count { message.writeInteger(count) }
    return message
  }
}

/// Something is not as it must be.
struct PeerError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
