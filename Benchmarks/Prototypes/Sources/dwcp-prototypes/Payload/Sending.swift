import ConcreteCore
import GenericCore
import InlinableGenericCore
import NIOCore
import SpanCore

/// One way to bring what streams were given into buffers for the socket.
protocol Sending: AnyObject {
  func write(_ bytes: ByteBuffer, to stream: Int)
  /// Frames everything that waits and shows the buffers of one gathered write.
  func transmit(_ body: (ByteBuffer) -> Void)
}

final class ConcreteSending: Sending {
  private var core = SliceSender()

  func write(_ bytes: ByteBuffer, to stream: Int) { core.write(bytes, to: stream) }
  func transmit(_ body: (ByteBuffer) -> Void) { core.transmit(body) }
}

final class SpanSending: Sending {
  private var core = SpanSender()
  private var output = ByteBuffer()

  func write(_ bytes: ByteBuffer, to stream: Int) { core.write(bytes.readableBytesSpan, to: stream) }

  func transmit(_ body: (ByteBuffer) -> Void) {
    output.clear()
    output.writeWithOutputRawSpan(minimumWritableBytes: PayloadWorkload.maximumBatchByteCount) {
      core.transmit(into: &$0)
    }
    body(output)
  }
}

/// The core's own bytes are not of the payload's type, so that they have to be copied for the channel.
final class GenericSending: Sending {
  private var core = GenericCore.GenericSender<ByteBuffer>()
  private var own = ByteBuffer()

  func write(_ bytes: ByteBuffer, to stream: Int) { core.write(bytes, to: stream) }

  func transmit(_ body: (ByteBuffer) -> Void) {
    own.clear()
    core.transmit { span in
      let start = own.writerIndex
      own.writeBytes(span)
      if let slice = own.getSlice(at: start, length: span.byteCount) { body(slice) }
    } payload: {
      body($0)
    }
  }
}

final class InlinableGenericSending: Sending {
  private var core = InlinableGenericCore.GenericSender<ByteBuffer>()
  private var own = ByteBuffer()

  func write(_ bytes: ByteBuffer, to stream: Int) { core.write(bytes, to: stream) }

  func transmit(_ body: (ByteBuffer) -> Void) {
    own.clear()
    core.transmit { span in
      let start = own.writerIndex
      own.writeBytes(span)
      if let slice = own.getSlice(at: start, length: span.byteCount) { body(slice) }
    } payload: {
      body($0)
    }
  }
}
