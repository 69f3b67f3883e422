public import GenericCore
public import InlinableGenericCore
public import NIOCore

extension ByteBuffer: GenericCore.OpaquePayload {}
extension ByteBuffer: InlinableGenericCore.OpaquePayload {}

extension ByteBuffer {
  public var count: Int { readableBytes }

  public func slice(from start: Int, count: Int) -> ByteBuffer {
    getSlice(at: readerIndex + start, length: count) ?? ByteBuffer()
  }

  public func withSpan<Output, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Output
  ) throws(Failure) -> Output {
    try body(readableBytesSpan)
  }
}
