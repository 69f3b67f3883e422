extension ToolSuiteConformance {
  /// Each rule that the peer can break, and the cases that must fail then, and no others.
  static let breaks: [(rule: String, expected: [String])] = [
    ("header-check-ignored", ["framing/header-check"]),
    (
      "payload-check-ignored",
      [
        "negotiation/damaged-hello", "framing/payload-check", "framing/payload-check-of-data",
        "framing/payload-check-of-unknown",
      ]
    ),
    ("missing-check-accepted", ["framing/missing-check"]),
    ("reserved-flag-accepted", ["framing/reserved-flags"]),
    (
      "ignorable-not-skipped",
      [
        "framing/payload-check-of-unknown", "framing/unknown-ignorable", "framing/longest-unknown", "framing/priority",
        "liveness/acknowledges", "hostile/unknown-flood", "hostile/bearable",
      ]
    ),
    ("critical-skipped", ["framing/unknown-critical", "framing/reserved-types"]),
    ("wrong-echo", ["preface/echoes"]),
    ("http-answered", ["preface/http", "preface/http2", "preface/tls", "preface/noise", "preface/almost"]),
    (
      "refuse-not-sent",
      [
        "preface/major-2", "preface/major-4", "preface/minors-above", "preface/minors-reversed",
        "preface/refusal-names-versions", "preface/joining-link", "preface/unknown-link-kind", "preface/wrong-echo",
        "negotiation/not-hello", "negotiation/welcome-first", "negotiation/unchecked-hello",
        "negotiation/damaged-hello", "negotiation/short-hello", "negotiation/long-hello", "negotiation/timeout",
        "negotiation/drip", "negotiation/unknown-critical-tag", "negotiation/tag-twice", "negotiation/entry-past-end",
        "negotiation/wrong-length", "negotiation/codecs", "negotiation/bound-max-raw-block",
        "negotiation/bound-zstd-window-log", "negotiation/bound-session-credit", "negotiation/bound-stream-credit",
        "negotiation/bound-stream-limit", "negotiation/bound-idle-timeout", "negotiation/bound-integrity",
        "negotiation/bound-metadata-limit", "negotiation/bound-ack-delay", "negotiation/bound-chains",
        "negotiation/bound-dictionaries", "negotiation/bound-baselines",
        "negotiation/bound-max-links",
        "negotiation/bound-decode-speed", "negotiation/bound-implementation",
      ]
    ),
    (
      "announcement-unchecked",
      [
        "framing/update-of-others",
        "negotiation/wrong-length", "negotiation/codecs", "negotiation/bound-max-raw-block",
        "negotiation/bound-zstd-window-log", "negotiation/bound-session-credit", "negotiation/bound-stream-credit",
        "negotiation/bound-stream-limit", "negotiation/bound-idle-timeout", "negotiation/bound-integrity",
        "negotiation/bound-metadata-limit", "negotiation/bound-ack-delay", "negotiation/bound-chains",
        "negotiation/bound-dictionaries", "negotiation/bound-baselines",
        "negotiation/bound-max-links",
        "negotiation/bound-decode-speed", "negotiation/bound-implementation",
      ]
    ),
    ("update-not-answered", ["framing/update"]),
    ("chain-without-beginning", ["chains/without-beginning"]),
    ("decoded-check-ignored", ["chains/decoded-check"]),
    ("dictionary-hash-ignored", ["dictionaries/wrong-hash"]),
    ("dictionary-third-accepted", ["dictionaries/third"]),
    ("retired-dictionary-used", ["dictionaries/used", "dictionaries/unknown", "dictionaries/retired-twice"]),
    ("dictionary-domain-ignored", ["dictionaries/other-domain"]),
    ("object-digest-ignored", ["objects/mismatch"]),
    ("object-page-twice", ["objects/tables"]),
    ("object-reset-drops", ["objects/reset"]),
    ("stream-limit-ignored", ["streams/limit"]),
    (
      "limit-never-raised",
      [
        "streams/limit-raised", "hostile/rapid-reset", "hostile/rapid-stop", "hostile/rapid-refusal",
        "hostile/bearable",
      ]
    ),
    (
      "marks-before-data",
      [
        "streams/echo", "streams/echo-at-once", "messages/boundaries", "messages/empty", "messages/mark-table",
        "messages/spanning", "messages/unfinished",
      ]
    ),
    ("empty-message-lost", ["messages/empty", "messages/mark-table", "credit/obeys-marks"]),
    ("gap-accepted", ["messages/gap"]),
    ("repeat-delivered", ["messages/repeat"]),
    ("stream-credit-ignored", ["credit/stream", "credit/marks", "reset/above-credit"]),
    ("session-credit-ignored", ["credit/session"]),
    ("credit-never-raised", ["credit/reset-settles", "credit/raised"]),
    ("credit-not-obeyed", ["credit/obeys-stream", "credit/obeys-session", "credit/obeys-marks"]),
    (
      "final-offset-unchecked",
      [
        "messages/behind-fin", "messages/another-fin", "reset/below-received", "reset/another-offset",
        "reset/data-behind",
      ]
    ),
    ("half-close-loses", ["streams/source", "streams/source-leading-zeros", "streams/half-close"]),
    (
      "stop-not-answered",
      [
        "reset/stop", "reset/stop-application-code", "reset/stop-no-error", "liveness/reads-while-stuck",
        "hostile/rapid-stop",
      ]
    ),
    (
      "broken-block-fatal",
      [
        "messages/lz4-broken", "messages/lz4-other-length", "messages/zstd-broken", "messages/zstd-other-length",
        "messages/zstd-dictionary", "messages/zstd-several", "messages/zstd-window",
        "chains/decoded-check", "chains/last-block", "chains/window", "dictionaries/broken",
        "dictionaries/names-itself", "objects/broken",
      ]
    ),
    ("pong-other-bytes", ["negotiation/early-ping", "liveness/ping", "liveness/newest-ping"]),
    ("ack-never-sent", ["streams/late-frames", "liveness/acknowledges", "liveness/acknowledges-many"]),
    ("no-idle-timeout", ["liveness/idle"]),
    (
      "no-flood-budget",
      [
        "hostile/ping-flood", "hostile/unknown-flood", "hostile/credit-flood", "hostile/credit-regression",
        "hostile/streams-flood", "hostile/ack-flood", "hostile/goaway-flood", "hostile/repeat-flood",
        "hostile/empty-flood", "hostile/rapid-reset", "hostile/rapid-stop", "hostile/rapid-refusal",
      ]
    ),
  ]
}
