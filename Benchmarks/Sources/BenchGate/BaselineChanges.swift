/// What storing a baseline would change, a line each: `NAME: OLD -> NEW UNIT (CHANGE)`, in the order of the names,
/// after the conditions that changed. Empty when nothing would.
public func changes(old: Baseline?, new: Baseline) -> [String] {
  var lines: [String] = []
  if let old {
    let before = Dictionary(uniqueKeysWithValues: old.fingerprint.fields.map { ($0.name, $0.value) })
    let after = Dictionary(uniqueKeysWithValues: new.fingerprint.fields.map { ($0.name, $0.value) })
    for name in Set(before.keys).union(after.keys).sorted() where name != "commit" && before[name] != after[name] {
      lines.append("\(name): \(before[name] ?? "none") -> \(after[name] ?? "none")")
    }
  }
  let names = Set(new.entries.keys).union((old?.entries ?? [:]).keys)
  for name in names.sorted() {
    switch (old?.entries[name], new.entries[name]) {
    case (let before?, let after?) where before != after: lines.append("\(name): \(change(before, after))")
    case (nil, let after?): lines.append("\(name): none -> \(after.value.text)\(unit(after))")
    case (let before?, nil): lines.append("\(name): \(before.value.text)\(unit(before)) -> none")
    default: break
    }
  }
  return lines
}

private func unit(_ entry: Baseline.Entry) -> String {
  guard case .number = entry.value, !entry.unit.isEmpty else { return "" }
  return " \(entry.unit)"
}

private func change(_ old: Baseline.Entry, _ new: Baseline.Entry) -> String {
  let hasSameMeaning =
    old.unit == new.unit && old.metricClass == new.metricClass && old.direction == new.direction
  guard hasSameMeaning else { return "\(meaning(old)) -> \(meaning(new))" }
  var text = "\(old.value.text) -> \(new.value.text)\(unit(new))"
  if case .number(let before) = old.value, case .number(let after) = new.value, before != 0 {
    text += " (\(changeText(ratio: after / before)))"
  }
  return text
}

private func meaning(_ entry: Baseline.Entry) -> String {
  "\(entry.value.text)\(unit(entry)) (class \(entry.metricClass.rawValue), \(entry.direction.rawValue))"
}
