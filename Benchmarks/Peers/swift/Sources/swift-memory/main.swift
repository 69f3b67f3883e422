import Glibc

guard let options = MemoryOptions(Array(CommandLine.arguments.dropFirst())) else {
  leave(MemoryOptions.usage, 64)
}
do {
  var run = try MemoryRun(options)
  print("{" + (try run.figures()).map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}")
} catch {
  leave("\(error)", 1)
}

nonisolated func leave(_ reason: String, _ code: Int32) -> Never {
  (reason + "\n").withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
  exit(code)
}
