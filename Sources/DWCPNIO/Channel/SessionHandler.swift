public import DWCPCore
public import Logging
public import NIOCore

/// Hears what happens in a session, on its event loop. Calls come between two steps of the engine, so that every command may be
/// given from within one.
public protocol SessionDelegate: AnyObject {
  /// The handler that will tell events from now on; the place to keep it for giving commands.
  func attached(to handler: SessionHandler)

  /// An event of the engine. After ``SessionEvent/ended(_:)`` only ``SessionEvent/closed(_:)`` may follow.
  func session(_ handler: SessionHandler, received event: SessionEvent)
}

/// Carries one ``Session`` over one channel: the channel-level API, without a task for each stream.
///
/// Give commands with ``perform(_:)`` on the channel's event loop and hear of events through the delegate. What the commands of one
/// turn of the loop want to send leaves in one gathered write. The engine is asked for bytes only while the channel is writable,
/// and no turn of the loop sends or reads more than about ``maximumByteCountPerTurn`` bytes.
///
/// Use it from its channel's event loop only.
public final class SessionHandler: ChannelInboundHandler {
  public typealias InboundIn = ByteBuffer
  public typealias OutboundOut = ByteBuffer

  /// Bytes sent in one turn of the event loop before other channels get theirs.
  public static let maximumByteCountPerTurn = 1 << 20
  static let batchByteCount = 256 << 10
  /// Small batches that may wait for a connection that takes nothing; replies beyond them keep to their one place each (SPEC LIV-2).
  private static let maximumWaitingCrumbCount = 64
  private static let maximumCrumbByteCount = 4_096
  /// Events told between two writes while a read is worked off.
  private static let eventCountPerFlush = 64
  /// How long the other end may take to close after this end has sent its last byte.
  private static let lingerTime = TimeAmount.seconds(1)

  @usableFromInline
  var session: Session
  private var delegate: (any SessionDelegate)?
  private var logger: Logger
  private let jobs: JobRunner
  private let statistics: SessionStatistics?
  private var context: ChannelHandlerContext?
  /// Lent to ``send(_:)``, so that the language does not check each access to it.
  private var spareBatch = TransmitBatch()
  private var isPumping = false
  /// Something happened while pumping that this turn may not have seen.
  private var isPumpWanted = false
  private var isPumpScheduled = false
  private var isClosing = false
  /// Small batches written since the connection was last seen to have taken everything.
  private var crumbCount = 0
  private var isClogged = false
  private var timer: Scheduled<Void>?
  private var timerDeadline = NIODeadline.distantFuture
  private var blockedStreamLog = BlockedStreamLog()
  private var blockedStreamLook: Scheduled<Void>?

  /// - Parameter statistics: where this session counts; nil for nowhere.
  /// - Parameter delegate: kept until the channel is closed.
  public init(
    role: Role, configuration: SessionConfiguration, jobPool: JobPool, logger: Logger,
    statistics: SessionStatistics? = nil, delegate: any SessionDelegate
  ) {
    var random = SystemRandomNumberGenerator()
    var configuration = configuration
    configuration.codecCoreCount = configuration.codecCoreCount ?? jobPool.threadCount
    configuration.codecLadder = configuration.codecLadder ?? MachineLadder.current
    session = Session(
      role: role, configuration: configuration, secrets: SessionSecrets(using: &random), now: .current)
    jobs = JobRunner(pool: jobPool)
    self.statistics = statistics
    self.logger = logger
    self.delegate = delegate
  }

  /// Gives commands to the engine; what they want to send leaves soon after.
  @inlinable
  public func perform<Result, Failure: Error>(
    _ body: (inout Session) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { schedulePump() }
    return try body(&session)
  }

  /// Looks at the engine. From outside of such a call its getters would be given a copy of all that it holds.
  private func look<Result>(_ body: (inout Session) -> Result) -> Result { body(&session) }

  /// What the session has counted so far.
  public var counters: SessionCounters { look { $0.counters } }

  /// Done when the connection has closed; nil when it is gone already.
  var closeFuture: EventLoopFuture<Void>? { context?.channel.closeFuture }

  /// What can be told of the session now.
  public var snapshot: SessionSnapshot { look { $0.snapshot } }

  public func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    statistics?.add(self, eventLoop: context.eventLoop)
    delegate?.attached(to: self)
    if context.channel.isActive { channelActive(context: context) }
  }

  public func channelActive(context: ChannelHandlerContext) {
    if let peer = context.remoteAddress { logger[metadataKey: "peer"] = "\(peer)" }
    pump()
    context.fireChannelActive()
  }

  public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    session.receive(unwrapInboundIn(data), now: .current)
    // At once, so that what a read leaves behind in events and jobs does not add up over several reads (SPEC MEM-1).
    let wasPumping = isPumping
    isPumping = true
    while !settle(maximumEventCount: Self.eventCountPerFlush) {
      // What was answered goes now: two ends that only ever work off all that has come take turns, and half of the time neither does anything.
      if send(context) > 0 { context.flush() }
    }
    session.detachFromInput()
    isPumping = wasPumping
  }

  public func channelReadComplete(context: ChannelHandlerContext) {
    pump()
    context.fireChannelReadComplete()
  }

  public func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable, isPumping { isPumpWanted = true }
    if context.channel.isWritable { pump() }
    context.fireChannelWritabilityChanged()
  }

  public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      session.endOfInput()
      pump()
    }
    context.fireUserInboundEventTriggered(event)
  }

  public func errorCaught(context: ChannelHandlerContext, error: any Error) {
    logger.debug("the connection reports \(error)")
    context.close(promise: nil)
  }

  public func channelInactive(context: ChannelHandlerContext) {
    session.endOfInput()
    pump()
    context.fireChannelInactive()
  }

  public func handlerRemoved(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
    blockedStreamLook?.cancel()
    blockedStreamLook = nil
    // A connection that was gone before it became active: its delegate has to hear of the end too.
    session.endOfInput()
    isPumping = true
    _ = settle()
    delegate = nil
    self.context = nil
    statistics?.retire(self)
  }
}

extension SessionHandler {
  @usableFromInline
  func schedulePump() {
    guard !isPumping else {
      isPumpWanted = true
      return
    }
    guard !isPumpScheduled, let context else { return }
    isPumpScheduled = true
    context.eventLoop.assumeIsolated().execute {
      self.isPumpScheduled = false
      self.pump()
    }
  }

  /// Tells events, starts codec jobs and sends, until there is nothing more to do or the turn's share is used up.
  private func pump() {
    guard !isPumping, let context else { return }
    isPumping = true
    var sentByteCount = 0
    var hasMore = false
    var byteCount = 0
    _ = settle()
    repeat {
      isPumpWanted = false
      byteCount = send(context)
      sentByteCount += byteCount
      _ = settle()
      // A batch with room left has taken all that there was.
      hasMore = byteCount >= Self.batchByteCount || isPumpWanted
    } while hasMore && byteCount > 0 && sentByteCount < Self.maximumByteCountPerTurn
    if sentByteCount > 0 { context.flush() }
    isPumping = false
    if hasMore { schedulePump() }
    let outlook = look { $0.outlook() }
    if outlook.wantsClose { close(context) }
    if let deadline = outlook.nextDeadline { scheduleDeadline(deadline, context) }
    if blockedStreamLook == nil { scheduleBlockedStreamLook(context) }
  }

  /// Writes one batch of what the engine has to send, if the connection takes any. Returns how many bytes that are.
  private func send(_ context: ChannelHandlerContext) -> Int {
    var batch = TransmitBatch()
    swap(&batch, &spareBatch)
    defer { swap(&batch, &spareBatch) }
    batch.removeAll()
    if !isClosing, context.channel.isWritable && !isClogged(context) || look({ $0.phase == .closing }) {
      session.transmit(maximumByteCount: Self.batchByteCount, now: .current, into: &batch)
    } else {
      session.detachFromOutput()
    }
    batch.forEachBuffer { context.write(wrapOutboundOut($0), promise: nil) }
    if batch.byteCount > 0, batch.byteCount <= Self.maximumCrumbByteCount { crumbCount += 1 }
    return batch.byteCount
  }

  /// One look at a time; the next follows when something happens, or when a stream still waits.
  private func scheduleBlockedStreamLook(_ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    blockedStreamLook = context.eventLoop.assumeIsolated().scheduleTask(in: BlockedStreamLog.interval) {
      self.blockedStreamLook = nil
      guard self.logger.logLevel <= .info else { return }
      let blocked = self.look { $0.blockedStreams }
      guard self.blockedStreamLog.look(at: blocked, self.logger), let context = self.context else { return }
      self.scheduleBlockedStreamLook(context)
    }
  }

  /// Whether so many small batches wait that the next have to. A peer that does not read could make thousands of them before the watermark counts
  /// enough bytes.
  private func isClogged(_ context: ChannelHandlerContext) -> Bool {
    guard !isClogged, crumbCount >= Self.maximumWaitingCrumbCount else { return isClogged }
    crumbCount = 0
    guard let waiting = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes), waiting > 0 else {
      return false
    }
    isClogged = true
    let this = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
      this.value.isClogged = false
      this.value.schedulePump()
    }
    return true
  }

  /// Until the engine has neither an event to tell nor a job to give, or so many events have been told. Whether that was all. What may now be sent that could
  /// not before is told to ``isPumpWanted``, by the commands of the delegate too.
  private func settle(maximumEventCount: Int = .max) -> Bool {
    var eventCount = 0
    while look({ $0.hasNews() }) {
      guard eventCount < maximumEventCount else { return false }
      if let event = nextEvent() {
        log(event)
        delegate?.session(self, received: event)
        eventCount += 1
      } else if runNextJob() {
        isPumpWanted = true
      } else {
        return true
      }
    }
    return true
  }

  /// Out of line, as the next one: inlined into `settle`, the optimizer of Swift 6.3.1 leaves the access to `session` open while the
  /// delegate is called, and the delegate's first command ends the process with an access conflict.
  @inline(never)
  private func nextEvent() -> SessionEvent? { session.nextEvent() }

  @inline(never)
  private func nextJob() -> CodecJob? { session.nextJob() }

  /// Whether there was one, or blocks that turned out to need none and are ready to be sent.
  @inline(never)
  private func runNextJob() -> Bool {
    let storedBlockCount = look { $0.counters.untriedBlocks }
    guard let job = nextJob() else { return look { $0.counters.untriedBlocks } != storedBlockCount }
    run(job)
    return true
  }

  private func run(_ job: CodecJob) {
    if let timed = jobs.runInline(job) { return complete(timed) }
    guard let context else { return }
    let loop = context.eventLoop
    let this = NIOLoopBound(self, eventLoop: loop)
    jobs.runOnPool(job) { timed in
      loop.execute {
        let handler = this.value
        handler.complete(timed)
        handler.schedulePump()
      }
    }
  }

  private func complete(_ timed: TimedResult) {
    session.complete(timed.result, durationNanoseconds: timed.durationNanoseconds, now: .current)
  }

  /// Sends the end of this end's bytes and gives the other end a moment to read them, since closing at once could discard them.
  private func close(_ context: ChannelHandlerContext) {
    guard !isClosing else { return }
    isClosing = true
    guard context.channel.isActive else { return }
    context.close(mode: .output, promise: nil)
    let channel = context.channel
    let linger = context.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
    channel.closeFuture.whenComplete { _ in linger.cancel() }
  }

  /// Keeps one timer, not later than the engine's deadline; one that fires too early is harmless.
  private func scheduleDeadline(_ next: Instant, _ context: ChannelHandlerContext) {
    let deadline = NIODeadline.uptimeNanoseconds(next.nanoseconds)
    guard deadline < timerDeadline else { return }
    timer?.cancel()
    timerDeadline = deadline
    timer = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      self.timer = nil
      self.timerDeadline = .distantFuture
      self.session.handleDeadline(now: .current)
      self.pump()
    }
  }

  private func log(_ event: SessionEvent) {
    switch event {
    case .established(let agreement):
      logger.info(
        "session established with \(agreement.peerImplementation)",
        metadata: [
          "sendCodecs": "\(agreement.sendCodecs.map(\.name).joined(separator: ","))",
          "receiveCodecs": "\(agreement.receiveCodecs.map(\.name).joined(separator: ","))",
          "integrity": "\(agreement.isIntegrityOn)",
        ])
    case .ended(let error?):
      logger.warning("session ended: \(error)")
    case .ended(nil):
      logger.info("session ended")
    case .codecChosen(let decision):
      logger.debug("\(decision)", metadata: ["codecDecision": "\(decision.choice.setting)"])
    case .goingAway(let code, let last):
      logger.debug("the other end is going away: \(code), last stream \(last)")
    default:
      break
    }
  }
}

extension Instant {
  /// The event loops' clock.
  static var current: Instant { Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds) }
}
