import Foundation
import NIOCore
import Synchronization

/// Memory that goes on changing while it is copied.
protocol Machine: AnyObject, Sendable {
  var byteCount: Int { get }
  /// All of it, as it is now.
  func snapshot() throws -> ByteBuffer
  func pause()
  func resume()
}

/// A guest that is made up: a thread of its own writes to pages, most of them to a working set, until it is paused.
final class GeneratedGuest: Machine {
  private struct State {
    var memory: [UInt64]
    var random: UInt64 = 7
    var isPaused = false

    mutating func dirtyOnePage() {
      random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let pageCount = memory.count / 512
      // Nine writes of ten go to a twentieth of the memory.
      let page = Int(random >> 33) % (random % 10 == 0 ? pageCount : max(1, pageCount / 20))
      for word in 0..<20 { memory[page * 512 + (Int(random >> 12) &+ word * 7) & 511] &+= random >> 7 }
    }
  }

  let byteCount: Int
  private let state: Mutex<State>

  init(byteCount: Int, pagesPerSecond: Int) {
    self.byteCount = byteCount
    var memory = [UInt64](repeating: 0, count: byteCount / 8)
    // A tenth stays zeros, and the rest has structure, as memory does.
    for word in memory.indices where word / 512 % 10 != 0 {
      memory[word] = UInt64(word / 16) &* 0x9E37_79B9 &+ UInt64(word % 16)
    }
    state = Mutex(State(memory: memory))
    Thread.detachNewThread { [weak self] in
      while let guest = self {
        guest.state.withLock { state in
          guard !state.isPaused else { return }
          for _ in 0..<pagesPerSecond / 1_000 { state.dirtyOnePage() }
        }
        usleep(1_000)
      }
    }
  }

  func snapshot() -> ByteBuffer {
    state.withLock { state in state.memory.withUnsafeBytes { ByteBuffer(bytes: $0) } }
  }

  func pause() { state.withLock { $0.isPaused = true } }
  func resume() { state.withLock { $0.isPaused = false } }
}

/// The writable memory of a process that runs here, which `kill` pauses. Linux; the process has to be one that this user may trace.
final class RunningProcess: Machine {
  private let number: Int32
  private let regions: [Range<UInt64>]
  let byteCount: Int

  init(number: Int32, maximumByteCount: Int) throws {
    self.number = number
    let maps = try String(contentsOfFile: "/proc/\(number)/maps", encoding: .utf8)
    var regions: [Range<UInt64>] = []
    var sum = 0
    for line in maps.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count >= 2, fields[1].hasPrefix("rw"), fields.count == 5 || fields[5] == "[heap]" else { continue }
      let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      guard bounds.count == 2, bounds[0] < bounds[1], sum + Int(bounds[1] - bounds[0]) <= maximumByteCount else {
        continue
      }
      regions.append(bounds[0]..<bounds[1])
      sum += Int(bounds[1] - bounds[0])
    }
    self.regions = regions
    byteCount = sum
  }

  func snapshot() throws -> ByteBuffer {
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(number)/mem"))
    defer { try? file.close() }
    var memory = ByteBuffer()
    memory.reserveCapacity(byteCount)
    for region in regions {
      try file.seek(toOffset: region.lowerBound)
      let bytes = try file.read(upToCount: region.count) ?? Data()
      memory.writeBytes(bytes)
      // What the process has given back since.
      memory.writeRepeatingByte(0, count: region.count - bytes.count)
    }
    return memory
  }

  func pause() { kill(number, SIGSTOP) }
  func resume() { kill(number, SIGCONT) }
}
