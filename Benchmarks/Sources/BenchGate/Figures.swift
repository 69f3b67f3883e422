import Foundation

/// The shortest text that reads back as the same number; whole numbers have no point.
func exactText(_ value: Double) -> String {
  let text = "\(value)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// A figure for people: thousands apart, at most six digits that matter after a point, digests cut.
func displayText(_ text: String) -> String {
  guard let value = Double(text), value.isFinite else {
    return text.count > 16 ? "\(text.prefix(12))..." : text
  }
  let rounded = value == value.rounded() ? exactText(value) : shortened(value)
  guard !rounded.contains("e"), abs(value) >= 10_000 else { return rounded }
  let parts = rounded.split(separator: ".", maxSplits: 1)
  let digits = Array((parts.first ?? "").filter(\.isNumber).reversed())
  var grouped = ""
  for (index, digit) in digits.enumerated() {
    if index > 0, index.isMultiple(of: 3) { grouped.append(",") }
    grouped.append(digit)
  }
  let sign = value < 0 ? "-" : ""
  return sign + String(grouped.reversed()) + (parts.count == 2 ? ".\(parts[1])" : "")
}

/// Rounded to six digits, or to a whole number when it has more before the point; no zeros at the end.
private func shortened(_ value: Double) -> String {
  if abs(value) >= 1_000_000 { return String(format: "%.0f", value) }
  return String(format: "%.6g", value)
}

/// How far a ratio lies from 1, with as many digits as it takes not to call a change none.
func changeText(ratio: Double) -> String {
  let percent = (ratio - 1) * 100
  if percent == 0 { return "0 %" }
  let size = abs(percent)
  if size < 0.00001 { return percent < 0 ? "-<0.00001 %" : "+<0.00001 %" }
  let decimalCount = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.01 ? 2 : Int((-log10(size)).rounded(.up))
  return String(format: "%+.\(decimalCount)f %%", percent)
}

func ratioText(_ ratio: Double) -> String {
  String(format: ratio >= 100 ? "%.0f" : "%.3f", ratio)
}

extension Fingerprint {
  /// Its fields by the names people use, in the order of their weight; empty ones left out.
  var fields: [(name: String, value: String)] {
    [
      ("commit", commit), ("build", buildFlags), ("toolchain", toolchain), ("platform", platform),
      ("CPU", cpuFeatures.joined(separator: " ")), ("C library", cLibrary), ("libzstd", zstdVersion),
      ("liblz4", lz4Version), ("valgrind", valgrindVersion.isEmpty ? "not installed" : bareVersion(valgrindVersion)),
      (
        "corpora",
        corpora.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.prefix(12))" }.joined(separator: ", ")
      ),
    ].filter { !$0.1.isEmpty }
  }

  /// valgrind calls its version `valgrind-3.19.0`.
  private func bareVersion(_ version: String) -> String {
    version.hasPrefix("valgrind-") ? String(version.dropFirst("valgrind-".count)) : version
  }

  /// In one line.
  var text: String { fields.map { "\($0.name) \($0.value)" }.joined(separator: "; ") }
}
