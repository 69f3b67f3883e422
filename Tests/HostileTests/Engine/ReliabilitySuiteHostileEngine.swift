import DWCPCore
import HostileSimulation
import NIOCore
import Testing

extension ReliabilitySuiteHostile {
  /// One engine, one hostile peer, no sockets. Each attack is repeated until the session ends, or often enough to show that it never will.
  @Suite struct Engine {
    @Test(
      "a hostile peer is refused with a typed code, or costs no more for ever than the bound (SPEC MEM-1, LIM-1, ERR-1)",
      arguments: Attack.all)
    func attack(_ attack: Attack) {
      let report = Arena.run(attack, codecs: Self.warmCodecs)
      switch attack.ending {
      case .refused(let code, let name):
        #expect(report.error?.code == code)
        #expect(
          report.error?.description.contains(name) != false || name.isEmpty, "\(String(describing: report.error))")
        #expect(report.lastWords?.code == code.rawValue, "the last frame does not tell the peer why")
      case .closed(let code):
        #expect(report.error?.code == code)
        #expect(report.lastWords == nil)
      case .bounded:
        #expect(!report.hasEnded, "\(String(describing: report.error))")
        let growth = report.finalByteCount - report.halfwayByteCount
        #expect(
          growth <= 16_384, "grew from \(report.halfwayByteCount) to \(report.finalByteCount) bytes in its second half")
      }
      if !AttackTable.isRecorded {
        #expect(AttackTable.stored.rows[attack.name] == report.row(of: attack), "README.md says otherwise")
      }
      guard Heap.isCounted else { return }
      #expect(report.peakByteCount <= attack.memoryBound, "MEM-1: \(attack.name)")
      // What is made once for the whole process is not made again.
      let leakedByteCount =
        report.leakedByteCount <= 4_096 ? 0 : Arena.run(attack, codecs: Self.warmCodecs).leakedByteCount
      #expect(leakedByteCount <= 4_096, "what is left when the session is gone")
    }

    @Test("the table of README.md is written anew", .enabled(if: AttackTable.isRecorded))
    func record() throws {
      try AttackTable.stored.write(Attack.all.map { Arena.run($0, codecs: Self.warmCodecs).row(of: $0) })
    }

    @Test("README.md has a row for each attack, and each attack has a name of its own")
    func names() {
      let names = Set(Attack.all.map(\.name))
      #expect(names.count == Attack.all.count)
      let isWhole = AttackTable.isRecorded || names.isSubset(of: Set(AttackTable.stored.rows.keys))
      #expect(isWhole)
    }

    @Test(
      "a unit of credit costs at most eight bytes until it is read (SPEC MEM-1)",
      .enabled(if: Heap.isCounted, "\(Heap.whyNot)"), arguments: Attack.dearUnits)
    func units(_ attack: Attack, unitCount: Int) {
      let report = Arena.run(attack, codecs: Self.warmCodecs)
      #expect(!report.hasEnded)
      let units = (attack.salvoCount - attack.salvoCount / 2) * unitCount
      #expect(report.finalByteCount - report.halfwayByteCount <= 8 * units, "\(attack.name)")
      #expect(report.finalByteCount <= 8 * unitCount * attack.salvoCount + 262_144, "\(attack.name)")
    }

    @Test(
      "the heap is counted, and an owner that keeps what arrives is seen to break the bound",
      .enabled(if: Heap.isCounted, "\(Heap.whyNot)"))
    func leakyOwner() {
      let attack = Attack(name: "control", ending: .bounded, salvoCount: 1_000) {
        $1.stored(offset: $0 * 16_384, byteCount: 16_384)
      }
      let honest = Arena.run(attack, codecs: Self.warmCodecs)
      let leaky = Arena.run(attack, codecs: Self.warmCodecs, keepsAllInput: true)
      #expect(honest.peakByteCount <= attack.memoryBound)
      #expect(leaky.peakByteCount > attack.memoryBound)
      #expect(leaky.finalByteCount - leaky.halfwayByteCount > 65_536)
    }

    /// Codec contexts belong to threads, not to sessions; they are made before anything is measured.
    private static let warmCodecs: CodecContext = {
      let codecs = CodecContext()
      for owner in [Attack.Owner.serves, .echoes] {
        let attack = Attack(name: "warm-up", ending: .bounded, owner: owner, salvoCount: 20) {
          $1.bomb(offset: $0 * 60_000, rawByteCount: 60_000)
        }
        _ = Arena.run(attack, codecs: codecs)
      }
      return codecs
    }()
  }
}
