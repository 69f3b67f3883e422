import CAllocationCount
import DWCPCore
import Glibc
import NIOCore

/// One workload, warmed up and measured.
struct MemoryRun {
  private static let warmUpUnitCount = 20_000
  private static let unitsPerClockReading = 512
  private static let unitsByteCount = 4 << 20
  private static let maximumUnitCount = 1_024

  private let options: MemoryOptions
  private let units: [ByteBuffer]
  private var unitNumber = 0
  private var pair: SessionPair
  private var streams: [StreamID] = []
  private var sentUnitCount = 0

  init(_ options: MemoryOptions) throws {
    self.options = options
    units = Self.units(options.workload)
    pair = SessionPair(options, answer: units[0])
    try pair.converse()
    guard options.workload != .streams else { return }
    for _ in 0..<options.streams { streams.append(try pair.client.open()) }
  }

  /// The figures.
  mutating func figures() throws -> [(String, Double)] {
    while sentUnitCount < Self.warmUpUnitCount { try turn() }
    let before = (pair: counts, allocations: allocation_count(), wire: pair.wireByteCount)
    sentUnitCount = 0
    let seconds = try measure()
    let allocations = Double(allocation_count() - before.allocations)
    try check(before: before.pair)
    let unitCount = Double(sentUnitCount)
    return [
      ("unitsPerSecond", unitCount / seconds),
      ("bytesPerSecond", unitCount * Double(options.workload.unitByteCount) / seconds),
      ("unitCount", unitCount), ("processorSeconds", seconds), ("allocationsPerUnit", allocations / unitCount),
      ("wireBytesPerUnit", Double(pair.wireByteCount - before.wire) / unitCount),
    ]
  }

  /// The measured span, in a function of its own so that a profiler can be told of it; returns its processor time, since nothing waits here
  /// and what else the machine does then counts for less.
  @inline(never)
  private mutating func measure() throws -> Double {
    let turnCount = Self.unitsPerClockReading / options.unitsPerFlush + 1
    let begin = seconds(CLOCK_MONOTONIC)
    let processorBegin = seconds(CLOCK_PROCESS_CPUTIME_ID)
    repeat {
      for _ in 0..<turnCount { try turn() }
      pair.handleDeadlines()
    } while options.count > 0 ? sentUnitCount < options.count : seconds(CLOCK_MONOTONIC) - begin < options.seconds
    return seconds(CLOCK_PROCESS_CPUTIME_ID) - processorBegin
  }

  /// What is written before a flush, and the flush.
  private mutating func turn() throws {
    if options.workload == .streams {
      for _ in 0..<options.unitsPerFlush {
        let id = try pair.client.open()
        _ = try pair.client.write(units[0], to: id)
        try pair.client.finish(id)
      }
    } else {
      var stream = 0
      for _ in 0..<options.unitsPerFlush {
        _ = try pair.client.write(units[unitNumber], to: streams[stream], endsMessage: options.workload == .messages)
        unitNumber = unitNumber + 1 == units.count ? 0 : unitNumber + 1
        stream = stream + 1 == streams.count ? 0 : stream + 1
      }
    }
    sentUnitCount += options.unitsPerFlush
    try pair.converse()
  }

  private struct Counts {
    var bytes: Int
    var messages: Int
    var exchanges: Int
    var frames: UInt64
  }

  private var counts: Counts {
    Counts(
      bytes: pair.receivedByteCount, messages: pair.receivedMessageCount, exchanges: pair.exchangeCount,
      frames: pair.sentFrameCount)
  }

  private func check(before: Counts) throws {
    guard counts.bytes - before.bytes == sentUnitCount * options.workload.unitByteCount else {
      throw MemoryError("\(sentUnitCount) units were sent, but \(counts.bytes - before.bytes) bytes arrived")
    }
    switch options.workload {
    case .messages:
      guard counts.messages - before.messages == sentUnitCount else {
        throw MemoryError("\(sentUnitCount) messages were sent, but \(counts.messages - before.messages) arrived")
      }
    case .streams:
      guard counts.exchanges - before.exchanges == sentUnitCount else {
        throw MemoryError("\(sentUnitCount) streams were opened, but \(counts.exchanges - before.exchanges) answered")
      }
    case .frames, .bulk:
      guard counts.frames - before.frames >= UInt64(sentUnitCount) else {
        throw MemoryError("\(sentUnitCount) units went in \(counts.frames - before.frames) frames")
      }
    }
  }

  private static func units(_ workload: MemoryOptions.Workload) -> [ByteBuffer] {
    let byteCount = workload.unitByteCount
    return (0..<min(maximumUnitCount, unitsByteCount / byteCount)).map { number in
      ByteBuffer(bytes: (0..<byteCount).map { UInt8(truncatingIfNeeded: (number * byteCount + $0) * 7) })
    }
  }
}

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
