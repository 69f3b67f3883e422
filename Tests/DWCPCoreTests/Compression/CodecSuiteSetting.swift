import Testing

@testable import DWCPCore

struct CodecSuiteSetting {
  @Test func codecsHaveTheirIDsAndNames() {
    #expect(Codec.allCases.map(\.rawValue) == [0, 1, 2])
    #expect(Codec.allCases.map(\.name) == ["none", "lz4", "zstd"])
    for codec in Codec.allCases { #expect(Codec(name: codec.name) == codec) }
    #expect(Codec(name: "ZSTD") == nil)
  }

  @Test func levelsAreTheDocumentedOnes() {
    func levels(_ codec: Codec) -> [Int] { (-40...40).filter { CompressionSetting(codec: codec, level: $0) != nil } }
    #expect(levels(.none) == [0])
    #expect(levels(.lz4) == [1] + Array(3...12))
    #expect(levels(.zstd) == Array(-7 ... -1) + Array(1...19))
    #expect(CompressionSetting(codec: .zstd, level: .max) == nil)
    #expect(CompressionSetting(codec: .zstd, level: .min) == nil)
  }

  @Test func namesAloneMeanTheDefaults() {
    #expect(CompressionSetting("none") == CompressionSetting.none)
    #expect(CompressionSetting("lz4") == .lz4Default)
    #expect(CompressionSetting("zstd") == .zstdDefault)
    #expect(CompressionSetting.lz4Default.level == 1)
    #expect(CompressionSetting.zstdDefault.level == 1)
  }

  @Test(arguments: ["none", "lz4:1", "lz4:12", "zstd:1", "zstd:19", "zstd:-7"])
  func textIsReadAndGivenBack(text: String) {
    #expect(CompressionSetting(text)?.description == text)
  }

  @Test(
    arguments: [
      "", ":", "none:", "none:0", "lz4:", "lz4:0", "lz4:2", "lz4:13", "zstd:", "zstd:0", "zstd:-0", "zstd:20",
      "zstd:-8", "zstd:+3", "zstd:03", "zstd: 3", "zstd:3 ", "zstd:3:3", "zstd:0x3", "zstd:\u{663}", "zstd:1\u{0}",
      "zstd:99999999999999999999", "Zstd", " zstd", "gzip",
    ])
  func anythingElseIsRefused(text: String) {
    #expect(CompressionSetting(text) == nil)
  }
}
