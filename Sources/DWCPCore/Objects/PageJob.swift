internal import NIOCore

/// Pages of an object to be compressed, against those of the base where there is one (SPEC BAS-3).
public struct PageEncodeJob: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  /// In the stream.
  let offset: UInt64
  let raw: ByteBuffer
  /// Bytes of the base, in pieces; nil where there is none.
  let base: [ByteBuffer]?
  /// The base is that of the same pages.
  let isBaseInPlace: Bool
  let setting: CompressionSetting
  let maximumWindowLog: Int

  func run(in context: CodecContext) -> EncodedPages {
    let limit = raw.readableBytes &- EncodeJob.leastSavingByteCount(rawByteCount: raw.readableBytes)
    var encoding: PageGroupCodec.Encoding?
    var payload = raw
    if limit > 0 {
      var terms = PageGroupCodec.Terms(maximumByteCount: limit)
      terms.setting = setting
      terms.mayUseZstd = setting.codec == .zstd
      terms.isInPlace = isBaseInPlace
      terms.maximumWindowLog = maximumWindowLog
      let base = base?.joined()
      let encoded = context.makeBuffer(.encoded, byteCount: limit) { output in
        // A codec that fails leaves the block stored: nothing is lost but the saving.
        encoding =
          (try? PageGroupCodec(context: context).encode(
            raw.readableBytesSpan, base: base?.readableBytesSpan, terms: terms, into: &output)) ?? nil
      }
      if encoding != nil { payload = encoded }
    }
    return EncodedPages(
      number: number, streamID: streamID, offset: offset, method: method(encoding), codec: encoding?.codec ?? .none,
      payload: payload, decodedCheck: CRC32C.checksum(raw.readableBytesSpan))
  }

  private func method(_ encoding: PageGroupCodec.Encoding?) -> PageBlockHead.Method {
    switch encoding?.method {
    case nil, .full: .full
    case .mask: .mask
    case .prefix: isBaseInPlace ? .prefix : .moved
    }
  }
}

/// Pages ready to be sent.
public struct EncodedPages: Hashable, Sendable {
  let number: UInt64
  let streamID: StreamID
  let offset: UInt64
  let method: PageBlockHead.Method
  let codec: Codec
  let payload: ByteBuffer
  let decodedCheck: UInt32
}

/// A block of pages to be rebuilt, into exactly the declared number of bytes.
public struct PageDecodeJob: Hashable, Sendable {
  let streamID: StreamID
  /// In the stream.
  let offset: UInt64
  let entryNumber: UInt32
  let encoded: ByteBuffer
  let method: PageBlockHead.Method
  let codec: Codec
  let rawByteCount: Int
  /// Bytes of the base, in pieces; none where the method needs none.
  let base: [ByteBuffer]
  let maximumWindowLog: Int
  let decodedCheck: UInt32

  func run(in context: CodecContext) -> DecodedPages {
    var failure: CodecError?
    let raw =
      switch method {
      case .zero: ByteBuffer(repeating: 0, count: rawByteCount)
      // It is kept with its version, and must not keep a read buffer alive (SPEC MEM-1).
      case .full where codec == .none: ByteBuffer(bytes: encoded.readableBytesView)
      case .full: decode(.full, in: context, &failure)
      case .mask: decode(.mask, in: context, &failure)
      case .prefix, .moved: decode(.prefix, in: context, &failure)
      }
    if failure == nil, CRC32C.checksum(raw.readableBytesSpan) != decodedCheck { failure = CodecError(.wrongCheck) }
    return DecodedPages(
      streamID: streamID, offset: offset, entryNumber: entryNumber, method: method, codec: codec,
      raw: failure == nil ? raw : ByteBuffer(), failure: failure)
  }

  private func decode(
    _ method: PageGroupCodec.Method, in context: CodecContext, _ failure: inout CodecError?
  ) -> ByteBuffer {
    let base = base.joined()
    return context.makeBuffer(.decoded, byteCount: rawByteCount) { output in
      do throws(CodecError) {
        try PageGroupCodec(context: context).decode(
          encoded.readableBytesSpan, PageGroupCodec.Encoding(method: method, codec: codec),
          base: base.readableBytes == 0 ? nil : base.readableBytesSpan, rawByteCount: rawByteCount,
          maximumWindowLog: maximumWindowLog, into: &output)
      } catch {
        failure = error
      }
    }
  }
}

/// Pages ready to be read and kept, or why they never will be.
public struct DecodedPages: Hashable, Sendable {
  let streamID: StreamID
  let offset: UInt64
  let entryNumber: UInt32
  let method: PageBlockHead.Method
  let codec: Codec
  let raw: ByteBuffer
  let failure: CodecError?
}

extension [ByteBuffer] {
  /// All of them in one piece, without a copy where they are one already.
  fileprivate func joined() -> ByteBuffer {
    guard count != 1 else { return self[0] }
    var whole = ByteBuffer()
    whole.reserveCapacity(reduce(0) { $0 &+ $1.readableBytes })
    for piece in self { whole.writeImmutableBuffer(piece) }
    return whole
  }
}
