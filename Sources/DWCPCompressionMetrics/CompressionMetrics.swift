public import CoreMetrics
public import DWCPCore

/// Compression as metrics: raw and wire bytes, ratio, blocks and time, each for every codec there is.
///
/// Make it once, where the service starts, and hand it snapshots in the order in which they were taken; each handle is made in
/// ``init(factory:)`` and never looked up again.
public struct CompressionMetrics: Sendable {
  /// What each metric means, by its name.
  public static let help: [String: String] = [
    "dwcp_codec_raw_bytes_total": "Bytes of the applications in blocks of a codec.",
    "dwcp_codec_wire_bytes_total": "Bytes on the links of the frames that carry blocks of a codec, headers included.",
    "dwcp_codec_blocks_total": "Frames that carry blocks of a codec; those with an end alone count for none.",
    "dwcp_codec_compression_ratio": "Raw over wire bytes of a codec since the start; bigger is better.",
    "dwcp_codec_stored_blocks_total":
      "Blocks that went as they were although compression was asked for: tried in vain, or untried since unpromising.",
    "dwcp_codec_changes_total": "Streams that went over to another codec or level by themselves.",
    "dwcp_codec_trials_total": "Blocks, or parts of stored ones, on which another codec or level was tried.",
    "dwcp_codec_lost_seconds_total":
      "Time by which blocks were expected to take longer than with the best codec known, because of trials and hesitation.",
    "dwcp_codec_seconds_total": "Time that codecs were at work, over all threads.",
    "dwcp_dictionaries_total": "Dictionaries offered, and what became of them.",
    "dwcp_dictionary_raw_bytes_total": "Bytes of the applications in blocks that were compressed against a dictionary.",
    "dwcp_dictionary_wire_bytes_total":
      "Bytes on the links of the frames that carry such blocks, headers included and dictionaries not.",
    "dwcp_dictionary_blocks_total": "Frames that carry such blocks.",
    "dwcp_object_versions_total": "Versions of objects that ended: stood, or failed.",
    "dwcp_object_version_bytes_total":
      "Lengths of the objects in versions that stood: what they are without baselines.",
    "dwcp_object_raw_bytes_total": "Bytes of pages in blocks of versions, those sent again not counted twice.",
    "dwcp_object_wire_bytes_total":
      "Bytes on the links of the frames that carry blocks of versions, headers and those sent again included.",
    "dwcp_object_unchanged_pages_total": "Pages that were given to be sent and were not, since the other end has them.",
    "dwcp_object_mismatches_total": "Versions whose base the receiving end did not have, or not the same.",
    "dwcp_object_replaced_blocks_total": "Blocks that were sent again, in full, because of that.",
    "dwcp_object_drops_total": "Objects that the receiving end held no longer of its own accord.",
    "dwcp_object_held_bytes": "Bytes that objects count for in the sessions open now, by the end that sends them.",
  ]

  private let codecs: [CodecHandles]
  private let sentDictionaries: DictionaryHandles
  private let receivedDictionaries: DictionaryHandles
  private let sentObjects: ObjectHandles
  private let receivedObjects: ObjectHandles
  private let unchangedPages: Counter
  private let triedBlocks: Counter
  private let untriedBlocks: Counter
  private let changes: Counter
  private let trials: Counter
  private let lostSeconds: FloatingPointCounter
  private var progress = CounterProgress()

  /// Makes every handle.
  ///
  /// - Parameter factory: the metrics backend; the one the program was bootstrapped with unless another is given.
  public init(factory: any MetricsFactory = MetricsSystem.factory) {
    codecs = Codec.allCases.map { CodecHandles($0, factory) }
    sentDictionaries = DictionaryHandles("sent", factory)
    receivedDictionaries = DictionaryHandles("received", factory)
    sentObjects = ObjectHandles("sent", factory)
    receivedObjects = ObjectHandles("received", factory)
    unchangedPages = Counter(label: "dwcp_object_unchanged_pages_total", factory: factory)
    triedBlocks = Counter(
      label: "dwcp_codec_stored_blocks_total", dimensions: [("reason", "tried")], factory: factory)
    untriedBlocks = Counter(
      label: "dwcp_codec_stored_blocks_total", dimensions: [("reason", "untried")], factory: factory)
    changes = Counter(label: "dwcp_codec_changes_total", factory: factory)
    trials = Counter(label: "dwcp_codec_trials_total", factory: factory)
    lostSeconds = FloatingPointCounter(label: "dwcp_codec_lost_seconds_total", factory: factory)
  }

  /// Brings the metrics up to a snapshot.
  public mutating func update(from snapshot: SessionSnapshot) {
    let rise = progress.rise(to: snapshot.counters)
    for handles in codecs {
      handles.sent.update(rise: rise.sentByCodec[handles.codec], total: snapshot.counters.sentByCodec[handles.codec])
      handles.received.update(
        rise: rise.receivedByCodec[handles.codec], total: snapshot.counters.receivedByCodec[handles.codec])
    }
    sentDictionaries.update(rise: rise.dictionaries.sent)
    receivedDictionaries.update(rise: rise.dictionaries.received)
    sentObjects.update(rise: rise.objects.sent, heldByteCount: snapshot.outgoingObjectByteCount)
    receivedObjects.update(rise: rise.objects.received, heldByteCount: snapshot.incomingObjectByteCount)
    unchangedPages.increment(by: rise.objects.unchangedPages)
    triedBlocks.increment(by: rise.unshrunkBlocks)
    untriedBlocks.increment(by: rise.untriedBlocks)
    changes.increment(by: rise.codecChoices.changes)
    trials.increment(by: rise.codecChoices.trials)
    lostSeconds.increment(by: Double(rise.codecChoices.lostNanoseconds) / 1e9)
  }
}

private struct CodecHandles: Sendable {
  let codec: Codec
  let sent: DirectionHandles
  let received: DirectionHandles

  init(_ codec: Codec, _ factory: any MetricsFactory) {
    self.codec = codec
    sent = DirectionHandles(codec, "sent", operation: "encode", factory)
    received = DirectionHandles(codec, "received", operation: "decode", factory)
  }
}

private struct DirectionHandles: Sendable {
  private let raw: Counter
  private let wire: Counter
  private let blocks: Counter
  private let ratio: Gauge
  /// Nil for `none`, which takes no time.
  private let seconds: FloatingPointCounter?

  init(_ codec: Codec, _ direction: String, operation: String, _ factory: any MetricsFactory) {
    let labels = [("codec", codec.name), ("direction", direction)]
    raw = Counter(label: "dwcp_codec_raw_bytes_total", dimensions: labels, factory: factory)
    wire = Counter(label: "dwcp_codec_wire_bytes_total", dimensions: labels, factory: factory)
    blocks = Counter(label: "dwcp_codec_blocks_total", dimensions: labels, factory: factory)
    ratio = Gauge(label: "dwcp_codec_compression_ratio", dimensions: labels, factory: factory)
    guard codec != .none else {
      seconds = nil
      return
    }
    seconds = FloatingPointCounter(
      label: "dwcp_codec_seconds_total", dimensions: [("codec", codec.name), ("operation", operation)],
      factory: factory)
  }

  func update(rise: CodecCounters.Traffic, total: CodecCounters.Traffic) {
    raw.increment(by: rise.rawBytes)
    wire.increment(by: rise.wireBytes)
    blocks.increment(by: rise.blocks)
    seconds?.increment(by: Double(rise.nanoseconds) / 1e9)
    // A codec that has carried nothing has no ratio, rather than a bad one.
    if total.wireBytes > 0 { ratio.record(Double(total.rawBytes) / Double(total.wireBytes)) }
  }
}

private struct DictionaryHandles: Sendable {
  private let offered: Counter
  private let accepted: Counter
  private let rejected: Counter
  private let retired: Counter
  private let raw: Counter
  private let wire: Counter
  private let blocks: Counter

  init(_ direction: String, _ factory: any MetricsFactory) {
    func dictionaries(_ step: String) -> Counter {
      Counter(
        label: "dwcp_dictionaries_total", dimensions: [("direction", direction), ("step", step)], factory: factory)
    }
    offered = dictionaries("offered")
    accepted = dictionaries("accepted")
    rejected = dictionaries("rejected")
    retired = dictionaries("retired")
    let labels = [("direction", direction)]
    raw = Counter(label: "dwcp_dictionary_raw_bytes_total", dimensions: labels, factory: factory)
    wire = Counter(label: "dwcp_dictionary_wire_bytes_total", dimensions: labels, factory: factory)
    blocks = Counter(label: "dwcp_dictionary_blocks_total", dimensions: labels, factory: factory)
  }

  func update(rise: DictionaryCounters.Use) {
    offered.increment(by: rise.offered)
    accepted.increment(by: rise.accepted)
    rejected.increment(by: rise.rejected)
    retired.increment(by: rise.retired)
    raw.increment(by: rise.rawBytes)
    wire.increment(by: rise.wireBytes)
    blocks.increment(by: rise.blocks)
  }
}

private struct ObjectHandles: Sendable {
  private let stood: Counter
  private let failed: Counter
  private let version: Counter
  private let raw: Counter
  private let wire: Counter
  private let mismatches: Counter
  private let replacedBlocks: Counter
  private let drops: Counter
  private let held: Gauge

  init(_ direction: String, _ factory: any MetricsFactory) {
    let labels = [("direction", direction)]
    func counter(_ name: String) -> Counter { Counter(label: name, dimensions: labels, factory: factory) }
    func versions(_ outcome: String) -> Counter {
      Counter(
        label: "dwcp_object_versions_total", dimensions: labels + [("outcome", outcome)], factory: factory)
    }
    stood = versions("stood")
    failed = versions("failed")
    version = counter("dwcp_object_version_bytes_total")
    raw = counter("dwcp_object_raw_bytes_total")
    wire = counter("dwcp_object_wire_bytes_total")
    mismatches = counter("dwcp_object_mismatches_total")
    replacedBlocks = counter("dwcp_object_replaced_blocks_total")
    drops = counter("dwcp_object_drops_total")
    held = Gauge(label: "dwcp_object_held_bytes", dimensions: labels, factory: factory)
  }

  func update(rise: ObjectCounters.Use, heldByteCount: UInt64) {
    stood.increment(by: rise.versionsStood)
    failed.increment(by: rise.versionsFailed)
    version.increment(by: rise.versionBytes)
    raw.increment(by: rise.rawBytes)
    wire.increment(by: rise.wireBytes)
    mismatches.increment(by: rise.mismatches)
    replacedBlocks.increment(by: rise.replacedBlocks)
    drops.increment(by: rise.dropped)
    held.record(Double(heldByteCount))
  }
}
