import NIOCore
import Testing

@testable import DWCPCore

/// What streams begin with (SPEC CDC-8).
@Suite struct CodecSuiteContent {
  private static let photographs = StreamOpening(metadata: ["content-type": "image/jpeg"])
  private static let texts = StreamOpening(metadata: ["service": "put", "content-type": "text/plain"])
  private static let random = ByteBuffer(bytes: SampleKind.random.bytes(131_072))
  private static let text = ByteBuffer(bytes: SampleKind.text.bytes(131_072))

  /// 20 MB/s: what shrinks is worth compressing.
  private static func link() -> VirtualLink {
    VirtualLink(bytesPerSecond: 20e6, ladder: .standard, data: text)
  }

  /// Sends one kind of data on a stream of its own, and says how many blocks were compressed, or tried in vain.
  private static func send(
    _ data: ByteBuffer, _ opening: StreamOpening, milliseconds: UInt64, over link: inout VirtualLink
  ) throws -> (compressed: UInt64, unshrunk: UInt64) {
    let before = link.counters
    link.data = data
    try link.open(opening)
    try link.run(milliseconds: milliseconds)
    let after = link.counters
    let compressed =
      after.sentByCodec.zstd.blocks + after.sentByCodec.lz4.blocks
      - before.sentByCodec.zstd.blocks - before.sentByCodec.lz4.blocks
    return (compressed, after.unshrunkBlocks - before.unshrunkBlocks)
  }

  @Test("SPEC CDC-8: a stream begins with what streams of its kind came to, and tries nothing in vain")
  func kinds() throws {
    var link = Self.link()
    let first = try Self.send(Self.random, Self.photographs, milliseconds: 200, over: &link)
    #expect(first.unshrunk > 0)
    _ = try Self.send(Self.text, Self.texts, milliseconds: 200, over: &link)
    let second = try Self.send(Self.random, Self.photographs, milliseconds: 20, over: &link)
    #expect(second.unshrunk == 0)
    let others = try Self.send(Self.text, Self.texts, milliseconds: 20, over: &link)
    #expect(others.compressed > 0)
  }

  @Test("SPEC CDC-8: a stream whose opener says nothing knows the link, and nothing of the data")
  func withoutKind() throws {
    var link = Self.link()
    _ = try Self.send(Self.random, StreamOpening(), milliseconds: 200, over: &link)
    let second = try Self.send(Self.random, StreamOpening(), milliseconds: 20, over: &link)
    #expect(second.unshrunk > 0)
  }

  @Test("SPEC CDC-8: an opener that is wrong costs a few blocks")
  func wrongKind() throws {
    var link = Self.link()
    _ = try Self.send(Self.random, Self.photographs, milliseconds: 300, over: &link)
    let text = try Self.send(Self.text, Self.photographs, milliseconds: 500, over: &link)
    #expect(text.compressed > 10)
    #expect(link.setting?.codec == .zstd)
  }

  @Test(
    "SPEC CDC-8, MEM-1: however many kinds an opener names, a few are kept, and none of this end's gives way to the other end's"
  )
  func bounds() throws {
    var classes = ContentClasses()
    let selector = CodecSelector(ladder: .standard)
    var learned = selector
    learned.learn(.zstdDefault, rawByteCount: 131_072, wireByteCount: 40_000, nanoseconds: 300_000)
    let own = classes.index(of: Self.texts, isOwn: true)
    let id = StreamID(ordinal: 1, openedBy: .initiator)
    _ = classes.begin(own, with: id)
    classes.end(own, id, with: learned)
    var places: Set<ContentClasses.Index> = []
    for number in 0..<10_000 {
      places.insert(classes.index(of: StreamOpening(metadata: ["content-type": "kind \(number)"]), isOwn: false))
    }
    #expect(places.count == ContentClasses.maximumCount)
    #expect(classes.index(of: Self.texts, isOwn: true) == own)
    #expect(classes.begin(own, with: id).selector == learned)
    let long = String(repeating: "x", count: ContentClasses.maximumNameByteCount + 1)
    #expect(classes.index(of: StreamOpening(metadata: ["content-type": long]), isOwn: false) == 0)
    #expect(classes.index(of: StreamOpening(metadata: ["service": "sink"]), isOwn: false) == 0)
    #expect(classes.begin(0, with: id).selector == nil)
  }

  @Test("a kind that gave its place to another is unknown again")
  func eviction() {
    var classes = ContentClasses()
    var learned = CodecSelector(ladder: .standard)
    learned.learn(.zstdDefault, rawByteCount: 131_072, wireByteCount: 40_000, nanoseconds: 300_000)
    let first = classes.index(of: Self.texts, isOwn: true)
    classes.end(first, StreamID(ordinal: 1, openedBy: .initiator), with: learned)
    for number in 0..<ContentClasses.maximumCount {
      _ = classes.index(of: StreamOpening(metadata: ["content-type": "kind \(number)"]), isOwn: true)
    }
    let again = classes.index(of: Self.texts, isOwn: true)
    #expect(classes.begin(again, with: StreamID(ordinal: 2, openedBy: .initiator)).selector == nil)
  }
}
