import CHeapUse
import Dispatch
import NIOCore

/// Runs one workload over a connection, on its event loop.
final class Client {
  fileprivate let options: Options
  fileprivate let opener: any StreamOpener
  private let finished: EventLoopPromise<[String: Double]>
  private let source: Source?
  fileprivate var span: Span
  /// Behind the first exchange.
  private var hasStarted = false
  fileprivate var completedCount = 0
  fileprivate var bulk = Bulk()
  private lazy var idleUser = IdleUser()
  struct Bulk {
    var byteCount: UInt64 = 0
    var isOver = false
  }

  init(opener: any StreamOpener, options: Options, finished: EventLoopPromise<[String: Double]>) {
    self.opener = opener
    self.options = options
    self.finished = finished
    let isBulk = options.workload == .bulk || options.workload == .echo && options.streams > 0
    source = isBulk ? Source() : nil
    span = Span(options)
  }

  /// Tries the connection with one exchange, so that both ends' settings have arrived, and starts the clock.
  func begin() {
    opener.open(ExchangeUser(self))
  }

  func fail(_ error: any Error) {
    finished.fail(error)
  }

  fileprivate func exchangeDone(_ user: ExchangeUser) {
    guard hasStarted else { return start() }
    completedCount += 1
    guard span.isOver(completedCount) else { return opener.open(user) }
    finish(["streamsPerSecond": Double(completedCount) / span.seconds, "streamCount": Double(completedCount)])
  }

  private func start() {
    hasStarted = true
    span = Span(options)
    switch options.workload {
    case .bulk: openSinks()
    case .exchange:
      for _ in 0..<options.streams { opener.open(ExchangeUser(self)) }
    case .echo:
      opener.open(EchoUser(self))
      openSinks()
    case .idle: ask(Service.heap) { [self] count in measureIdle(serverByteCountBefore: count) }
    case nil: break
    }
  }

  private func openSinks() {
    for _ in 0..<options.streams { opener.open(SinkUser(self)) }
  }

  /// Nil when bulk is over; then the count that the server has to reach is final.
  fileprivate func nextBlock() -> ByteBuffer? {
    if options.workload == .bulk, !bulk.isOver, span.isOver(Int(bulk.byteCount) / Service.blockByteCount) {
      bulk.isOver = true
      confirmBulk { [self] seconds in
        finish(["bytesPerSecond": Double(bulk.byteCount) / seconds, "byteCount": Double(bulk.byteCount)])
      }
    }
    guard !bulk.isOver, let block = source?.nextBlock() else { return nil }
    bulk.byteCount += UInt64(block.readableBytes)
    return block
  }

  private func confirmBulk(_ done: @escaping (Double) -> Void) {
    ask(Service.confirm, count: bulk.byteCount) { [self] count in
      guard count == bulk.byteCount else {
        return fail(PeerError("\(bulk.byteCount) bytes were sent, \(count) arrived"))
      }
      done(span.seconds)
    }
  }

  fileprivate func finishEcho(_ latenciesNanoseconds: [UInt64]) {
    do {
      let figures = try latencyFigures(latenciesNanoseconds)
      guard options.streams > 0 else { return finish(figures) }
      bulk.isOver = true
      confirmBulk { [self] seconds in
        let byteCount = Double(bulk.byteCount)
        finish(figures.merging(["bulkBytesPerSecond": byteCount / seconds, "bulkByteCount": byteCount]) { $1 })
      }
    } catch {
      fail(error)
    }
  }

  private func measureIdle(serverByteCountBefore: UInt64) {
    let wantedCount = options.count > 0 ? options.count : 10_000
    let byteCountBefore = heap_use_byte_count()
    var openCount = 0
    idleUser.answered = { [self] in
      guard openCount < wantedCount else {
        let byteCount = Double(heap_use_byte_count()) - Double(byteCountBefore)
        return ask(Service.heap) { [self] count in
          finishIdle(byteCount, serverByteCount: Double(count) - Double(serverByteCountBefore), Double(wantedCount))
        }
      }
      openCount += 1
      opener.open(idleUser)
    }
    idleUser.answered()
  }

  private func finishIdle(_ byteCount: Double, serverByteCount: Double, _ streamCount: Double) {
    guard byteCount > 0, serverByteCount > 0 else {
      return fail(PeerError("malloc does not tell what it has given out; run it with glibc's"))
    }
    finish([
      "clientHeapBytesPerStream": byteCount / streamCount, "serverHeapBytesPerStream": serverByteCount / streamCount,
      "streamCount": streamCount,
    ])
  }

  private func ask(_ service: UInt8, count: UInt64? = nil, _ done: @escaping (UInt64) -> Void) {
    opener.open(QuestionUser(Service.question(service, count: count), done))
  }

  private func finish(_ figures: [String: Double]) {
    finished.succeed(span.finish(figures))
  }
}

/// Sends 1 KiB and checks the answer; used again for the next exchange.
private final class ExchangeUser: StreamUser {
  private let client: Client
  private var received = ByteBuffer()

  init(_ client: Client) {
    self.client = client
  }

  func opened(_ stream: any ByteStream) {
    _ = stream.write(Service.exchangeMessage, ends: true)
    stream.flush()
  }

  func received(_ bytes: ByteBuffer, _ stream: any ByteStream) {
    if received.readableBytes == 0 { received = bytes } else { received.writeImmutableBuffer(bytes) }
  }

  func writable(_ stream: any ByteStream) {}

  func ended(_ stream: any ByteStream) {
    guard received == Service.exchangeMessage else {
      return client.fail(PeerError("an answer of \(received.readableBytes) bytes differs from what was sent"))
    }
    received = ByteBuffer()
    client.exchangeDone(self)
  }
}

/// Writes blocks for as long as there are any.
private final class SinkUser: StreamUser {
  private let client: Client
  private var hasEnded = false

  init(_ client: Client) {
    self.client = client
  }

  func opened(_ stream: any ByteStream) {
    if stream.write(ByteBuffer(integer: Service.sink), ends: false) { writable(stream) } else { stream.flush() }
  }

  func writable(_ stream: any ByteStream) {
    guard !hasEnded else { return }
    var hasRoom = true
    while hasRoom {
      if let block = client.nextBlock() {
        hasRoom = stream.write(block, ends: false)
      } else {
        hasEnded = true
        hasRoom = false
        _ = stream.write(ByteBuffer(), ends: true)
      }
    }
    stream.flush()
  }

  func received(_ bytes: ByteBuffer, _ stream: any ByteStream) {}

  func ended(_ stream: any ByteStream) {}
}

/// Sends 64 bytes, waits until they have come back, and again.
private final class EchoUser: StreamUser {
  private let client: Client
  private var latenciesNanoseconds: [UInt64] = []
  private var message = ByteBuffer()
  private var sentAt: UInt64 = 0
  private var received = ByteBuffer()

  init(_ client: Client) {
    self.client = client
    latenciesNanoseconds.reserveCapacity(1 << 18)
  }

  func opened(_ stream: any ByteStream) {
    _ = stream.write(ByteBuffer(integer: Service.echo), ends: false)
    sendNext(stream)
  }

  private func sendNext(_ stream: any ByteStream) {
    message = Service.echoMessage(round: latenciesNanoseconds.count)
    sentAt = DispatchTime.now().uptimeNanoseconds
    _ = stream.write(message, ends: false)
    stream.flush()
  }

  func received(_ bytes: ByteBuffer, _ stream: any ByteStream) {
    if received.readableBytes == 0 { received = bytes } else { received.writeImmutableBuffer(bytes) }
    guard received.readableBytes >= Service.echoByteCount else { return }
    let latency = DispatchTime.now().uptimeNanoseconds - sentAt
    guard received == message else { return client.fail(PeerError("an echo differs from what was sent")) }
    received.clear()
    latenciesNanoseconds.append(latency)
    guard client.span.isOver(latenciesNanoseconds.count) else { return sendNext(stream) }
    client.finishEcho(latenciesNanoseconds)
  }

  func writable(_ stream: any ByteStream) {}

  func ended(_ stream: any ByteStream) {
    client.fail(PeerError("the server ended the echo"))
  }
}

/// Opens streams that stay open; it is the user of all of them.
private final class IdleUser: StreamUser {
  var answered: () -> Void = {}

  func opened(_ stream: any ByteStream) {
    _ = stream.write(ByteBuffer(integer: Service.idle), ends: false)
    stream.flush()
  }

  func received(_ bytes: ByteBuffer, _ stream: any ByteStream) {
    answered()
  }

  func writable(_ stream: any ByteStream) {}

  func ended(_ stream: any ByteStream) {}
}

/// Asks for a count.
private final class QuestionUser: StreamUser {
  private let question: ByteBuffer
  private let done: (UInt64) -> Void
  private var received = ByteBuffer()

  init(_ question: ByteBuffer, _ done: @escaping (UInt64) -> Void) {
    self.question = question
    self.done = done
  }

  func opened(_ stream: any ByteStream) {
    _ = stream.write(question, ends: true)
    stream.flush()
  }

  func received(_ bytes: ByteBuffer, _ stream: any ByteStream) {
    received.writeImmutableBuffer(bytes)
    if let count = received.readInteger(as: UInt64.self) { done(count) }
  }

  func writable(_ stream: any ByteStream) {}

  func ended(_ stream: any ByteStream) {}
}
