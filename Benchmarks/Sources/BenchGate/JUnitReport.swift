extension BenchmarkResult {
  /// JUnit's XML: a suite for each suite, a case for each verdict. What makes the gate fail (an improvement that was
  /// not stored too) is a failure; what was not decided or not measured is skipped.
  public var junitXML: String {
    let report = Report(self)
    var suites: [String] = []
    for suite in report.suites {
      let rows = suite.rows.filter { $0.outcome != nil }
      guard !rows.isEmpty else { continue }
      suites.append(
        """
          <testsuite name="\(xmlEscaped(suite.name))" \(counts(rows)) timestamp="\(xmlEscaped(date))">
            <properties>
        \(properties)
            </properties>
        \(rows.map(testCase).joined(separator: "\n"))
          </testsuite>

        """)
    }
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="dwcp-bench" \(counts(report.rows.filter { $0.outcome != nil }))>
      \(suites.joined())</testsuites>

      """
  }

  private var properties: String {
    fingerprint.fields.map {
      "      <property name=\"\(xmlEscaped($0.name))\" value=\"\(xmlEscaped($0.value))\"/>"
    }.joined(separator: "\n")
  }

  private func counts(_ rows: [Report.Row]) -> String {
    let failures = rows.count { $0.outcome?.isFailure == true }
    let skipped = rows.count { $0.outcome?.isSkipped == true }
    return "tests=\"\(rows.count)\" failures=\"\(failures)\" errors=\"0\" skipped=\"\(skipped)\""
  }

  private func testCase(_ row: Report.Row) -> String {
    let name = "\(row.metric) (\(row.metricClass.rawValue))"
    let start = "    <testcase classname=\"\(xmlEscaped(row.scenario))\" name=\"\(xmlEscaped(name))\""
    guard let outcome = row.outcome, outcome != .pass else { return "\(start)/>" }
    let message = xmlEscaped(row.text)
    let inner =
      if outcome.isFailure {
        "<failure type=\"\(outcome.rawValue)\" message=\"\(message)\">\(message)</failure>"
      } else if outcome.isSkipped {
        "<skipped message=\"\(outcome.rawValue): \(message)\"/>"
      } else {
        "<system-out>\(outcome.rawValue): \(message)</system-out>"
      }
    return "\(start)>\n      \(inner)\n    </testcase>"
  }
}
