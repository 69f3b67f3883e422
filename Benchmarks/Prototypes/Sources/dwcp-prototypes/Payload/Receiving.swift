import ConcreteCore
import GenericCore
import InlinableGenericCore
import NIOCore
import SpanCore

/// One way to bring payload from read buffers to the readers of streams.
protocol Receiving: AnyObject {
  func receive(_ buffer: ByteBuffer) throws
  /// Takes everything that has arrived; the number of bytes.
  func readAll(streamCount: Int) -> Int
}

final class ConcreteReceiving: Receiving {
  private var core: SliceReceiver

  init(streamCount: Int, boundsPinnedMemory: Bool) {
    core = SliceReceiver(streamCount: streamCount, boundsPinnedMemory: boundsPinnedMemory)
  }

  func receive(_ buffer: ByteBuffer) throws { try core.receive(buffer) }

  func readAll(streamCount: Int) -> Int {
    var byteCount = 0
    for stream in 0..<streamCount { core.read(stream) { byteCount += $0.readableBytes } }
    return byteCount
  }
}

final class WalkingReceiving: Receiving {
  private var core: WalkingReceiver

  init(streamCount: Int) { core = WalkingReceiver(streamCount: streamCount) }

  func receive(_ buffer: ByteBuffer) throws { try core.receive(buffer) }

  func readAll(streamCount: Int) -> Int {
    var byteCount = 0
    for stream in 0..<streamCount { core.read(stream) { byteCount += $0.readableBytes } }
    return byteCount
  }
}

/// The reader lends a buffer of its own, again and again.
final class OutputSpanReceiving: Receiving {
  private var core: SpanReceiver
  private var target = ByteBufferAllocator().buffer(capacity: 65_536)

  init(streamCount: Int) { core = SpanReceiver(streamCount: streamCount) }

  func receive(_ buffer: ByteBuffer) throws { try core.receive(buffer.readableBytesSpan) }

  func readAll(streamCount: Int) -> Int {
    var byteCount = 0
    for stream in 0..<streamCount {
      var count = 0
      repeat {
        target.clear()
        target.writeWithOutputRawSpan(minimumWritableBytes: 65_536) { core.read(stream, into: &$0) }
        count = target.readableBytes
        byteCount += count
      } while count > 0
    }
    return byteCount
  }
}

final class StorageReceiving: Receiving {
  private var core: SpanReceiver

  init(streamCount: Int) { core = SpanReceiver(streamCount: streamCount) }

  func receive(_ buffer: ByteBuffer) throws { try core.receive(buffer.readableBytesSpan) }

  func readAll(streamCount: Int) -> Int {
    (0..<streamCount).reduce(0) { $0 + core.take($1).count }
  }
}

final class GenericReceiving: Receiving {
  private var core: GenericCore.GenericReceiver<ByteBuffer>

  init(streamCount: Int) { core = GenericCore.GenericReceiver(streamCount: streamCount) }

  func receive(_ buffer: ByteBuffer) throws { try core.receive(buffer) }

  func readAll(streamCount: Int) -> Int {
    var byteCount = 0
    for stream in 0..<streamCount { core.read(stream) { byteCount += $0.readableBytes } }
    return byteCount
  }
}

final class InlinableGenericReceiving: Receiving {
  private var core: InlinableGenericCore.GenericReceiver<ByteBuffer>

  init(streamCount: Int) { core = InlinableGenericCore.GenericReceiver(streamCount: streamCount) }

  func receive(_ buffer: ByteBuffer) throws { try core.receive(buffer) }

  func readAll(streamCount: Int) -> Int {
    var byteCount = 0
    for stream in 0..<streamCount { core.read(stream) { byteCount += $0.readableBytes } }
    return byteCount
  }
}
