extension BenchmarkResult {
  /// Workflow commands for GitHub, a line each, the gravest first, since only the first ten of a kind are shown. They
  /// stand on the baseline's line, where there is one. Empty when all verdicts are passes.
  public var annotations: String {
    let lines = Verdict.Outcome.byGravity.filter { $0 != .pass }.flatMap { outcome in
      verdicts.filter { $0.outcome == outcome }.map(annotation)
    }
    return lines.map { $0 + "\n" }.joined()
  }

  private func annotation(_ verdict: Verdict) -> String {
    let command =
      switch verdict.outcome {
      case let outcome where outcome.isFailure: "error"
      case .advisory: "notice"
      default: "warning"
      }
    var properties: [String] = []
    if let file = verdict.file {
      properties += ["file=\(escapedProperty(file))", "line=\(verdict.line ?? 1)"]
    }
    let title = "\(verdict.outcome.rawValue): \(verdict.scenario) \(verdict.metric)"
    properties.append("title=\(escapedProperty(title))")
    let conditions = "\(fingerprint.platform), commit \(fingerprint.commit)"
    return "::\(command) \(properties.joined(separator: ","))::\(escapedMessage("\(verdict.text) [\(conditions)]"))"
  }

  private func escapedMessage(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "%": "%25"
      case "\r": "%0D"
      case "\n": "%0A"
      default: String(scalar)
      }
    }.joined()
  }

  private func escapedProperty(_ text: String) -> String {
    escapedMessage(text).unicodeScalars.map { scalar in
      switch scalar {
      case ":": "%3A"
      case ",": "%2C"
      default: String(scalar)
      }
    }.joined()
  }
}
