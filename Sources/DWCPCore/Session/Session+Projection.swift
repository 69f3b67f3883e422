internal import DequeModule
internal import NIOCore

/// What the search of all interleavings (`Tests/Simulation/Interleavings`) compares of a session: everything that can decide what it does next under a
/// frozen clock. Two sessions of one configuration with equal projections answer every further call alike, but for what they count.
///
/// Left out always, and why that changes nothing:
///
/// - `counters` and `roundTripNanoseconds` are only ever told.
/// - `ledger` has budgets that these sessions cannot use up, so that it never refuses a frame.
/// - `stalls`, deadlines and the tuners of windows act when time has passed, and none does. What the windows are shows in `creditToGrant`.
/// - The content of payloads follows from stream, end and offset, since each application writes the same bytes in every order.
/// - The places of streams in their table, the number of rounds that were served, and the spare memory of lists, and which buffers bytes lie in, decide nothing.
/// - Events and jobs are taken by their owner after each call.
///
/// Left out unless `isExact`, for sessions whose blocks are far longer than their headers and whose link has been measured (the search checks both):
///
/// - `flow`, since the link holds nothing up (SPEC ACK-4), and so the counts of `link`: what remains of it is whether an acknowledgement is owed.
///   Each block makes it so, and the few frames without one never do (SPEC ACK-2).
/// - What is left of a stream's share below 4,096 bytes: it is compared with 0 alone, which headers alone do not reach.
extension Session {
  /// Feeds the projection to a hasher.
  ///
  /// - Parameter isExact: nothing of the link and of shares is left out.
  /// - Parameter now: the instant at which the clock stands.
  package func combineProgress(isExact: Bool, now: Instant, into hasher: inout Hasher) {
    hasher.combine(phase)
    hasher.combine(parser.phase)
    hasher.combine(remotePreface)
    hasher.combine(hasReceivedBeyondEarlyFrames)
    hasher.combine(remote)
    hasher.combine(remoteCodecs.count)
    hasher.combine(local.codecIDs)
    hasher.combine(updates)
    for ordinal in [openedOrdinal, peerOrdinal, peerStreamLimit, closedPeerStreamCount] { hasher.combine(ordinal) }
    hasher.combine(sendCredit)
    hasher.combine(receiveCredit)
    hasher.combine(encodeJobCount)
    hasher.combine(nextJobNumber)
    hasher.combine(decodeJobs.count)
    for ring in [encodeRing, creditWaiters, controlRing] { hasher.combine(ring) }
    hasher.combine(owesScheduleCredit)
    hasher.combine(outbox)
    hasher.combine(openBodies)
    hasher.combine(sendChains)
    hasher.combine(receiveChains)
    hasher.combine(outgoingDictionaries)
    hasher.combine(incomingDictionaries)
    hasher.combine(outgoingObjects)
    hasher.combine(incomingObjects)
    hasher.combine(pageReads)
    hasher.combine(pageJobs.count)
    hasher.combine(domains)
    hasher.combine(liveness)
    hasher.combine(goAway)
    hasher.combine(link.owesAcknowledgement(now: now))
    if isExact {
      hasher.combine(link)
      hasher.combine(flow)
    }
    if !selectors.isEmpty {
      hasher.combine(selectors)
      hasher.combine(unaskedShortBlockCount)
      hasher.combine(readyRun)
      hasher.combine(codecCores)
      hasher.combine(linkBusyMark.map { counters.rawBytesSent &- $0 })
    }
    schedule.combineProgress(into: &hasher)
    hasher.combine(streams.count)
    for id in streams.ids {
      guard let stream = streams[id] else { continue }
      stream.combineProgress(into: &hasher)
      // A direction that has ended is not put in again.
      if stream.send.phase == .open || stream.isScheduled {
        schedule.combineProgress(of: stream.share, isWaiting: stream.isScheduled, isExact: isExact, into: &hasher)
      }
    }
  }
}

extension StreamState {
  fileprivate func combineProgress(into hasher: inout Hasher) {
    hasher.combine(id)
    send.combineProgress(into: &hasher)
    receive.combineProgress(into: &hasher)
    hasher.combine(compression)
    hasher.combine(owesOpening)
    hasher.combine(requestedUrgency)
    hasher.combine(stopCode)
    hasher.combine(isAnticipated)
    hasher.combine(isScheduled)
    hasher.combine(isAwaitingEncode)
    hasher.combine(isAwaitingSessionCredit)
    hasher.combine(hasControl)
    hasher.combine(isReadableTold)
    hasher.combine(isWriterWaiting)
    hasher.combine(isReleased)
  }
}

extension SendHalf {
  fileprivate func combineProgress(into hasher: inout Hasher) {
    hasher.combine(phase)
    hasher.combine(isFinishRequested)
    hasher.combine(resetCode)
    hasher.combine(isStoppedByPeer)
    hasher.combine(cutEnd)
    hasher.combine(sentEnd)
    hasher.combine(creditLimit)
    guard backlog.isHeld, !backlog.contents.isSpent else { return hasher.combine(0) }
    hasher.combine(backlog.contents.queue.byteCount)
    hasher.combine(backlog.contents.queue.overheadByteCount)
    hasher.combine(backlog.contents.blocks.count)
    for block in backlog.contents.blocks {
      hasher.combine(block.offset)
      hasher.combine(block.rawByteCount)
      hasher.combine(block.endsMessage)
      hasher.combine(block.codecID)
      hasher.combine(block.payload.readableBytes)
      hasher.combine(block.jobNumber)
      hasher.combine(block.isCutForChain)
      hasher.combine(block.isRestart)
      hasher.combine(block.dictionaryID)
    }
  }
}

extension ReceiveHalf {
  fileprivate func combineProgress(into hasher: inout Hasher) {
    hasher.combine(phase)
    hasher.combine(received)
    hasher.combine(consumed)
    hasher.combine(grantedLimit)
    hasher.combine(writtenOff)
    hasher.combine(finalOffset)
    hasher.combine(creditToGrant)
    hasher.combine(failure)
    hasher.combine(isFailureReportedByPeer)
    hasher.combine(owesStop)
    hasher.combine(hasReadable)
    hasher.combine(hasUnread)
  }
}

extension CodecJob {
  /// Feeds which block this is the work for to a hasher; its content follows from that.
  package func combineProgress(into hasher: inout Hasher) {
    switch self {
    case .encode(let job):
      hasher.combine(true)
      hasher.combine(job.number)
      hasher.combine(job.streamID)
    case .decode(let job):
      hasher.combine(false)
      hasher.combine(job.number)
      hasher.combine(job.streamID)
    case .prepare(let job):
      hasher.combine(job)
    case .encodePages(let job):
      hasher.combine(job)
    case .decodePages(let job):
      hasher.combine(job)
    }
  }
}
