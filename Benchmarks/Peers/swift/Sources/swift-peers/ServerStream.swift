import CHeapUse
import NIOCore

/// What all streams of the server share, on its event loop.
final class ServerState {
  private var sinkByteCount: UInt64 = 0
  private var confirmation: (stream: any ByteStream, expectedByteCount: UInt64)?

  func count(_ byteCount: Int) {
    sinkByteCount += UInt64(byteCount)
    confirmIfReached()
  }

  func confirm(_ expectedByteCount: UInt64, on stream: any ByteStream) {
    confirmation = (stream, expectedByteCount)
    confirmIfReached()
  }

  private func confirmIfReached() {
    guard let confirmation, sinkByteCount >= confirmation.expectedByteCount else { return }
    self.confirmation = nil
    _ = confirmation.stream.write(ByteBuffer(integer: sinkByteCount), ends: true)
    confirmation.stream.flush()
  }
}

/// Serves one stream.
final class ServerStream: StreamUser {
  private let state: ServerState
  private var service: UInt8?
  /// Of an exchange or a question: what has come of it, if it did not come at once.
  private var message: ByteBuffer?

  init(state: ServerState) {
    self.state = state
  }

  func opened(_ stream: any ByteStream) {}

  func writable(_ stream: any ByteStream) {}

  func received(_ bytes: ByteBuffer, _ stream: any ByteStream) {
    let all = bytes
    var bytes = bytes
    if service == nil { service = bytes.readInteger() }
    switch service {
    case Service.sink:
      state.count(bytes.readableBytes)
    case Service.echo:
      if bytes.readableBytes > 0 { answer(bytes, ends: false, on: stream) }
    case Service.exchange:
      // It mostly comes in one piece, which goes back as it is.
      if all.readableBytes == Service.exchangeByteCount { return answer(all, ends: true, on: stream) }
      guard let rest = take(bytes, Service.exchangeByteCount - 1) else { return }
      var whole = ByteBuffer()
      whole.reserveCapacity(Service.exchangeByteCount)
      whole.writeInteger(Service.exchange)
      whole.writeImmutableBuffer(rest)
      answer(whole, ends: true, on: stream)
    case Service.confirm:
      guard let count = take(bytes, 8)?.getInteger(at: 0, as: UInt64.self) else { return }
      state.confirm(count, on: stream)
    case Service.heap:
      answer(ByteBuffer(integer: heap_use_byte_count()), ends: true, on: stream)
    case Service.idle:
      answer(ByteBuffer(integer: Service.idle), ends: false, on: stream)
    default:
      answer(ByteBuffer(), ends: true, on: stream)
    }
  }

  func ended(_ stream: any ByteStream) {
    guard service == Service.sink || service == Service.echo else { return }
    answer(ByteBuffer(), ends: true, on: stream)
  }

  private func take(_ bytes: ByteBuffer, _ wantedByteCount: Int) -> ByteBuffer? {
    var whole = message?.slice() ?? ByteBuffer()
    if message == nil { whole = bytes.slice() } else { whole.writeImmutableBuffer(bytes) }
    guard whole.readableBytes < wantedByteCount else {
      message = nil
      return whole
    }
    message = whole
    return nil
  }

  private func answer(_ bytes: ByteBuffer, ends: Bool, on stream: any ByteStream) {
    _ = stream.write(bytes, ends: ends)
    stream.flush()
  }
}
