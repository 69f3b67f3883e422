import CCRC32C
import Testing

@testable import DWCPCore

/// SPEC CONV-3.
struct FramingSuiteCRC32C {
  @Test(
    arguments: [
      (Array("123456789".utf8), 0xE306_9283),
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      (Array(0..<32), 0x46DD_794E),
      ([], 0),
    ] as [([UInt8], UInt32)])
  func publishedValues(bytes: [UInt8], value: UInt32) {
    #expect(CRC32C.checksum(bytes.span.bytes) == value)
    #expect(~portable(0xFFFF_FFFF, bytes[...]) == value)
  }

  /// Every length goes through another mix of lanes, words and single bytes.
  @Test func acceleratedEqualsPortable() {
    let bytes = SampleKind.random.bytes(4096 + 16)
    for alignment in [0, 1, 3, 4, 7, 8] {
      for byteCount in 0...4096 {
        let piece = bytes[alignment..<alignment + byteCount]
        let expected = portable(0x1234_5678, piece)
        if accelerated(0x1234_5678, piece) != expected || narrow(0x1234_5678, piece) != expected {
          Issue.record("\(byteCount) bytes at \(alignment)")
        }
      }
    }
  }

  @Test(arguments: [12_287, 12_288, 12_289, 65_536, 131_072, 1_000_003])
  func acceleratedEqualsPortableForLongInputs(byteCount: Int) {
    let bytes = SampleKind.random.bytes(byteCount)
    #expect(accelerated(0, bytes[...]) == portable(0, bytes[...]))
    #expect(accelerated(.max, bytes.dropFirst(5)) == portable(.max, bytes.dropFirst(5)))
    #expect(narrow(0, bytes[...]) == portable(0, bytes[...]))
  }

  @Test func piecesGiveTheValueOfTheWhole() {
    let bytes = SampleKind.random.bytes(3000)
    let whole = CRC32C.checksum(bytes.span.bytes)
    for split in [0, 1, 7, 8, 9, 767, 768, 769, 1500, 2999, 3000] {
      var check = CRC32C()
      check.update(bytes.span.bytes.extracting(0..<split))
      #expect(check.value == CRC32C.checksum(bytes.span.bytes.extracting(0..<split)))
      check.update(bytes.span.bytes.extracting(split..<3000))
      #expect(check.value == whole)
    }
  }

  private func accelerated(_ state: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { dwcp_crc32c_update(state, $0.baseAddress, $0.count) }
  }

  private func narrow(_ state: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { dwcp_crc32c_update_narrow(state, $0.baseAddress, $0.count) }
  }

  private func portable(_ state: UInt32, _ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { dwcp_crc32c_update_portable(state, $0.baseAddress, $0.count) }
  }
}
