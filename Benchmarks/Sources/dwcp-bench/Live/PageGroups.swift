import BenchGate
import CBench
import CLZ4Bare
import CZstdBare
@_spi(Measuring) import DWCPCore
import NIOCore

/// Changed pages beside what they were: plain lz4, zstd without and with the old pages as a prefix, and what the engine chooses.
enum PageGroups {
  private static let pagesPerGroup = 32
  private static let pagesPerPrefix = 16

  static func seeded(_ change: SeededPairs.Change, percent: Int) -> LiveScenario {
    scenario { SeededPairs.pairs(change, percent: percent) }
  }

  static func process(_ program: String) -> LiveScenario {
    scenario {
      do {
        return try ProcessMemory(program: program, apart: 1, maximumByteCount: 64 << 20).dirtyPages
      } catch {
        throw Unavailable(reason: "the memory of a process cannot be read: \(error)")
      }
    }
  }

  private static func scenario(_ pairs: @escaping @Sendable () throws -> PagePairs) -> LiveScenario {
    LiveScenario(reference: "lz4") {
      let pairs = try pairs()
      guard pairs.new.readableBytes > 0 else { throw Unavailable(reason: "no page has changed") }
      let byPrefix = try BareGroups(.prefix).encode(pairs, pageCount: pagesPerPrefix)
      return [
        Contender(name: "lz4") { try BareGroups(.lz4).encode(pairs, pageCount: pagesPerGroup).figures },
        Contender(name: "zstd_1") { try BareGroups(.zstd).encode(pairs, pageCount: pagesPerGroup).figures },
        Contender(name: "prefix_16") { try BareGroups(.prefix).encode(pairs, pageCount: pagesPerPrefix).figures },
        Contender(name: "chosen") { try ChosenGroups().figures(pairs, pageCount: pagesPerGroup, over: byPrefix) },
      ]
    }
  }
}

/// What groups came to.
private struct GroupSums {
  var rawByteCount = 0
  var payloadByteCount = 0
  var nanoseconds: UInt64 = 0

  var ratio: Double { Double(rawByteCount) / Double(payloadByteCount) }

  var figures: [Figure] {
    [
      Figure(name: "ratio", unit: "raw/payload", direction: .higherIsBetter, isCompared: true, value: ratio),
      Figure(
        name: "encode", unit: "MB/s", direction: .higherIsBetter, isCompared: true,
        value: Double(rawByteCount) * 1e3 / Double(nanoseconds)),
    ]
  }

  mutating func add(rawByteCount: Int, payloadByteCount: Int, since start: UInt64) {
    nanoseconds += bench_thread_nanoseconds() - start
    self.rawByteCount += rawByteCount
    self.payloadByteCount += min(payloadByteCount, rawByteCount)
  }
}

/// The libraries alone, as a program would use them that has nothing else.
@safe private final class BareGroups {
  enum Way { case lz4, zstd, prefix }

  private let way: Way
  private let compressor = unsafe ZSTD_createCCtx()
  private let state = UnsafeMutableRawPointer.allocate(byteCount: Int(LZ4_sizeofState()), alignment: 16)
  private var room = [UInt8](repeating: 0, count: 1 << 20)

  init(_ way: Way) {
    self.way = way
  }

  deinit {
    unsafe ZSTD_freeCCtx(compressor)
    unsafe state.deallocate()
  }

  func encode(_ pairs: PagePairs, pageCount: Int) throws -> GroupSums {
    var sums = GroupSums()
    for group in pairs.groups(pageCount: pageCount) {
      let start = bench_thread_nanoseconds()
      let byteCount = unsafe group.new.withUnsafeReadableBytes { raw in
        unsafe group.old.withUnsafeReadableBytes { base in unsafe encode(raw, base) }
      }
      guard byteCount > 0, ZSTD_isError(byteCount) == 0 else { throw BenchmarkError("the library cannot encode") }
      sums.add(rawByteCount: group.new.readableBytes, payloadByteCount: byteCount, since: start)
    }
    return sums
  }

  private func encode(_ raw: UnsafeRawBufferPointer, _ base: UnsafeRawBufferPointer) -> Int {
    unsafe room.withUnsafeMutableBytes { room in
      guard way != .lz4 else {
        return unsafe Int(
          LZ4_compress_fast_extState(
            state, raw.baseAddress?.assumingMemoryBound(to: CChar.self),
            room.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(raw.count), Int32(room.count), 1))
      }
      unsafe ZSTD_CCtx_reset(compressor, ZSTD_reset_session_and_parameters)
      unsafe ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, 1)
      if way == .prefix { unsafe ZSTD_CCtx_refPrefix(compressor, base.baseAddress, base.count) }
      return unsafe ZSTD_compress2(compressor, room.baseAddress, room.count, raw.baseAddress, raw.count)
    }
  }
}

/// The engine's own choice; each group is decoded again and compared.
private final class ChosenGroups {
  private let codec = PageGroupCodec(context: CodecContext())
  private var payload = ByteBuffer()
  private var decoded = ByteBuffer()
  private var byMethod: [PageGroupCodec.Method: Int] = [:]

  func figures(_ pairs: PagePairs, pageCount: Int, over byPrefix: GroupSums) throws -> [Figure] {
    let groups = pairs.groups(pageCount: pageCount)
    let sums = try sums(groups)
    let (maskCount, prefixCount) = (byMethod[.mask] ?? 0, byMethod[.prefix] ?? 0)
    // Once more, when everything has its size.
    let before = allocation_count_totals().allocation_count
    _ = try self.sums(groups)
    let allocationCount = allocation_count_totals().allocation_count - before
    let count = Double(groups.count)
    return sums.figures + [
      Figure(
        name: "ratio-to-prefix_16", unit: "ratio", direction: .higherIsBetter, value: sums.ratio / byPrefix.ratio),
      Figure(name: "by-mask", unit: "share", value: Double(maskCount) / count),
      Figure(name: "by-prefix", unit: "share", value: Double(prefixCount) / count),
      Figure(name: "allocations", unit: "allocations/group", value: Double(allocationCount) / count),
    ]
  }

  private func sums(_ groups: [(old: ByteBuffer, new: ByteBuffer)]) throws -> GroupSums {
    var sums = GroupSums()
    for group in groups {
      payload.clear(minimumCapacity: group.new.readableBytes)
      let start = bench_thread_nanoseconds()
      allocation_count_start()
      let encoding = try encode(group)
      allocation_count_stop()
      let byteCount = encoding == nil ? group.new.readableBytes : payload.readableBytes
      sums.add(rawByteCount: group.new.readableBytes, payloadByteCount: byteCount, since: start)
      guard let encoding else { continue }
      byMethod[encoding.method, default: 0] += 1
      guard try decode(encoding, group) else { throw BenchmarkError("\(encoding) does not decode to what was encoded") }
    }
    return sums
  }

  private func encode(_ group: (old: ByteBuffer, new: ByteBuffer)) throws -> PageGroupCodec.Encoding? {
    var encoding: PageGroupCodec.Encoding?
    let byteCount = group.new.readableBytes
    try payload.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { output in
      encoding = try codec.encode(
        group.new.readableBytesSpan, base: group.old.readableBytesSpan, terms: .init(maximumByteCount: byteCount),
        into: &output)
    }
    return encoding
  }

  private func decode(_ encoding: PageGroupCodec.Encoding, _ group: (old: ByteBuffer, new: ByteBuffer)) throws -> Bool {
    let byteCount = group.new.readableBytes
    decoded.clear(minimumCapacity: byteCount)
    let payload = payload
    try decoded.writeWithOutputRawSpan(minimumWritableBytes: byteCount) { output in
      try codec.decode(
        payload.readableBytesSpan, encoding, base: group.old.readableBytesSpan, rawByteCount: byteCount,
        maximumWindowLog: 18, into: &output)
    }
    return decoded == group.new
  }
}
