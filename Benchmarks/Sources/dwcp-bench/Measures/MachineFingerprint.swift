import BenchGate
import CBench
import CLZ4Bare
import CZstdBare
import Foundation

extension Fingerprint {
  /// Of this binary on this machine.
  static func current() throws -> Fingerprint {
    Fingerprint(
      commit: Repository.commit, buildFlags: buildFlags, toolchain: toolchain, platform: platform,
      cpuFeatures: try cpuFeatures(), zstdVersion: dotted(Int(ZSTD_versionNumber())),
      lz4Version: dotted(Int(LZ4_versionNumber())), cLibrary: unsafe String(cString: bench_c_library()),
      valgrindVersion: Callgrind.version ?? "",
      corpora: Dictionary(uniqueKeysWithValues: try SeededCorpora.all().map { ($0.name, $0.sha256) }))
  }

  static var isRelease: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  private static var buildFlags: String {
    guard isRelease else { return "debug" }
    #if DWCP_BENCH_ALIGNED
      return "release, functions aligned to 64 bytes"
    #else
      return "release"
    #endif
  }

  /// What the compiler that made this binary was, as far as the language tells.
  private static var toolchain: String {
    #if compiler(>=6.4)
      "Swift 6.4 or newer"
    #elseif compiler(>=6.3)
      "Swift 6.3"
    #else
      "Swift 6.2"
    #endif
  }

  private static var platform: String {
    #if os(Linux)
      let system = "linux"
    #else
      let system = "macos"
    #endif
    #if arch(x86_64)
      return "\(system)-x86_64"
    #elseif arch(arm64)
      return "\(system)-arm64"
    #else
      return "\(system)-other"
    #endif
  }

  /// As instruction counts meet them: under valgrind where there is one.
  private static func cpuFeatures() throws -> [String] {
    guard Callgrind.version != nil, let valgrind = Callgrind.path else { return features }
    let text = try ChildProcess.text(
      valgrind, ["--tool=none", "-q", ChildProcess.ownPath, "measure", "features", "--as", "features"])
    return text.split(separator: " ").map(String.init)
  }

  static var features: [String] {
    unsafe String(cString: bench_cpu_features()).split(separator: " ").map(String.init)
  }

  private static func dotted(_ number: Int) -> String { "\(number / 10_000).\(number / 100 % 100).\(number % 100)" }
}

/// The repository that the working directory is in.
enum Repository {
  static let root = (try? ChildProcess.text("/usr/bin/env", ["git", "rev-parse", "--show-toplevel"])) ?? "."

  static var commit: String {
    guard let name = try? ChildProcess.text("/usr/bin/env", ["git", "-C", root, "rev-parse", "--short=12", "HEAD"])
    else {
      return ""
    }
    return changedFiles.isEmpty ? name : name + "+"
  }

  /// Files that differ from the commit, baselines aside.
  static var changedFiles: [String] {
    let text = try? ChildProcess.text(
      "/usr/bin/env", ["git", "-C", root, "status", "--porcelain", "--", ".", ":!Benchmarks/Baselines"])
    return (text ?? "").split(separator: "\n").map(String.init)
  }

  /// A source file that is newer than this binary, if there is one.
  static var newerSource: String? {
    let manager = FileManager.default
    func date(_ path: String) -> Date {
      ((try? manager.attributesOfItem(atPath: path))?[.modificationDate] as? Date) ?? .distantPast
    }
    let files = try? ChildProcess.text(
      "/usr/bin/env", ["git", "-C", root, "ls-files", "Sources", "Benchmarks/Sources", "Package.swift"])
    let built = date(ChildProcess.ownPath)
    return (files ?? "").split(separator: "\n").map(String.init).first { date("\(root)/\($0)") > built }
  }
}
