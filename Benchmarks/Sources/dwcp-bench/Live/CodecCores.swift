import BenchGate
import DWCPCore
import Dispatch
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// One stream between two engines in one thread, its blocks encoded and decoded by one thread or by two: what another core is worth.
enum CodecCores {
  static let scenario = LiveScenario(reference: "one") {
    let blocks = try SeededCorpora.named("pages", blockCount: 512)?.blocks ?? []
    return [("one", 1), ("two", 2)].map { name, threadCount in
      Contender(name: name) {
        try ["zstd:1", "zstd:3", "zstd:9"].compactMap(CompressionSetting.init).map { setting in
          let count = setting.level == 9 ? blocks.count / 8 : blocks.count
          let seconds = try PooledTransfer(setting, threadCount: threadCount).run(blocks.prefix(count))
          return Figure(
            name: "zstd_\(setting.level)", unit: "MiB/s", direction: .higherIsBetter, isCompared: true,
            value: Double(count * Corpus.blockByteCount) / 1_048_576 / seconds)
        }
      }
    }
  }
}

private final class PooledTransfer {
  private let threads: NIOThreadPool
  private let contexts = NIOLockedValueBox<[CodecContext]>([])
  private let results = ConditionLock<Bool>(value: false)
  /// Behind the lock of `results`.
  private let finished = NIOLockedValueBox<[(isSender: Bool, result: CodecJobResult)]>([])
  private var sender: Session
  private var receiver: Session
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var receivedByteCount = 0
  private var runningCount = 0

  init(_ setting: CompressionSetting, threadCount: Int) {
    threads = NIOThreadPool(numberOfThreads: threadCount)
    threads.start()
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(setting)
    configuration.requiresIntegrity = false
    configuration.blockByteCount = Corpus.blockByteCount
    configuration.streamSendBudgetByteCount = 4 << 20
    var random = SeededGenerator(seed: 3)
    sender = Session(role: .initiator, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
    receiver = Session(role: .acceptor, configuration: configuration, secrets: SessionSecrets(using: &random), now: now)
  }

  func run(_ blocks: ArraySlice<ByteBuffer>) throws -> Double {
    defer { try? threads.syncShutdownGracefully() }
    while exchange() {}
    let id = try sender.open()
    let byteCount = blocks.reduce(0) { $0 + $1.readableBytes }
    var rest = blocks
    let start = DispatchTime.now().uptimeNanoseconds
    while receivedByteCount < byteCount {
      while let block = rest.first, sender.bufferedByteCount(id) < 2 << 20 {
        _ = try sender.write(block, to: id)
        rest.removeFirst()
      }
      let hasMoved = exchange()
      if !hasMoved, runningCount > 0 { awaitResult() }
    }
    return Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  }

  private func exchange() -> Bool {
    now = Instant(nanoseconds: now.nanoseconds + 20_000)
    takeResults()
    submitJobs()
    let sent = sender.takeBytes(now: now)
    receiver.receive(sent, now: now)
    submitJobs()
    while let event = receiver.nextEvent() {
      guard case .readable(let id) = event else { continue }
      while case .bytes(let bytes, endsMessage: _) = receiver.read(id) { receivedByteCount += bytes.readableBytes }
    }
    let answer = receiver.takeBytes(now: now)
    sender.receive(answer, now: now)
    return sent.readableBytes + answer.readableBytes > 0
  }

  private func submitJobs() {
    while let job = sender.nextJob() { submit(job, isSender: true) }
    while let job = receiver.nextJob() { submit(job, isSender: false) }
  }

  private func submit(_ job: CodecJob, isSender: Bool) {
    runningCount += 1
    threads.submit { [contexts, finished, results] _ in
      let context = contexts.withLockedValue { $0.popLast() } ?? CodecContext()
      let result = job.run(in: context)
      contexts.withLockedValue { $0.append(context) }
      results.lock()
      finished.withLockedValue { $0.append((isSender, result)) }
      results.unlock(withValue: true)
    }
  }

  private func awaitResult() {
    results.lock(whenValue: true)
    results.unlock()
  }

  private func takeResults() {
    results.lock()
    let taken = finished.withLockedValue { list in
      defer { list.removeAll(keepingCapacity: true) }
      return list
    }
    results.unlock(withValue: false)
    for (isSender, result) in taken {
      runningCount -= 1
      if isSender { sender.complete(result, now: now) } else { receiver.complete(result, now: now) }
    }
  }

}
