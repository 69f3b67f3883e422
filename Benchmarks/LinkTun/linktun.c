// Moves packets between two network namespaces, and runs a command in each.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linktun.h"

enum {
  // Packets moved for one file in one turn, so that a busy direction does not hold up the other.
  PACKETS_PER_TURN = 64,
  READINESS_CHECK_MILLISECONDS = 10,
  SERVER_PATIENCE_SECONDS = 5,
};

struct run {
  struct settings settings;
  // The server's end, and the client's.
  struct endpoint ends[2];
  // From each end to the other one.
  struct direction directions[2];
  int signals;
  // Nanoseconds that the kernel may wake the commands late; what this process began with.
  int timer_slack;
  pid_t server;
  pid_t client;
  int exit_code;
  uint64_t next_readiness_check;
  uint64_t server_deadline;
};

static uint64_t clock_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * NANOSECONDS_PER_SECOND + (uint64_t)time.tv_nsec;
}

// Runs a command at one end. It dies with this process.
static pid_t start(struct run *run, int end, char **command) {
  pid_t parent = getpid();
  pid_t child = fork();
  // Here too, so that the group exists when it is to be stopped.
  if (child > 0 && end == 0) setpgid(child, child);
  if (child != 0) return child;
  prctl(PR_SET_TIMERSLACK, run->timer_slack);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(EXIT_FAILURE);
  endpoint_enter(&run->ends[end]);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (end == 0) {
    setpgid(0, 0);
    int nothing = open("/dev/null", O_RDONLY);
    // Standard output is the client's alone; scripts read it.
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) _exit(EXIT_FAILURE);
  }
  execvp(command[0], command);
  fprintf(stderr, "linktun: cannot run %s: %s\n", command[0], strerror(errno));
  _exit(127);
}

static void deliver(struct run *run, int from, uint64_t now) {
  struct direction *direction = &run->directions[from];
  const struct packet *packet;
  for (int moved = 0; moved < PACKETS_PER_TURN && (packet = direction_due(direction, now)) != NULL; moved++) {
    // A failure counts among the device's drops.
    if (write(run->ends[1 - from].tun_fd, packet->bytes, packet->length) < 0 && errno == EINTR) continue;
    direction_remove(direction);
  }
}

static void collect(struct run *run, int from) {
  uint8_t bytes[MAXIMUM_PACKET_BYTES];
  for (int moved = 0; moved < PACKETS_PER_TURN; moved++) {
    ssize_t length = read(run->ends[from].tun_fd, bytes, sizeof bytes);
    if (length <= 0) return;
    direction_accept(&run->directions[from], bytes, (size_t)length, clock_now());
  }
}

static void stop_server(struct run *run, int signal_number) {
  if (run->server > 0) kill(-run->server, signal_number);
}

// The client has ended, or is not to run: the server gets a while to end in good order.
static void begin_end(struct run *run, int exit_code) {
  run->exit_code = exit_code;
  run->client = 0;
  run->next_readiness_check = NEVER;
  run->server_deadline = clock_now() + SERVER_PATIENCE_SECONDS * NANOSECONDS_PER_SECOND;
  stop_server(run, SIGTERM);
}

static int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

static void reap(struct run *run) {
  int status;
  pid_t child;
  while ((child = waitpid(-1, &status, WNOHANG)) > 0) {
    if (child == run->client) {
      begin_end(run, exit_code_of(status));
    } else if (child == run->server) {
      bool is_early = run->server_deadline == NEVER;
      if (is_early) fprintf(stderr, "linktun: the server ended first, with %d\n", exit_code_of(status));
      stop_server(run, SIGKILL);
      run->server = 0;
      if (is_early && run->client == 0) begin_end(run, EXIT_FAILURE);
    }
  }
}

static void handle_signals(struct run *run) {
  struct signalfd_siginfo info;
  while (read(run->signals, &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGCHLD) {
      reap(run);
      continue;
    }
    if (run->client > 0) kill(run->client, SIGTERM);
    begin_end(run, 128 + (int)info.ssi_signo);
  }
}

static void start_client_when_ready(struct run *run, uint64_t now) {
  if (now < run->next_readiness_check) return;
  if (run->settings.ready_port != 0 && !endpoint_listens(run->settings.ready_port)) {
    run->next_readiness_check = now + READINESS_CHECK_MILLISECONDS * UINT64_C(1000000);
    return;
  }
  run->next_readiness_check = NEVER;
  run->client = start(run, 1, run->settings.client);
  if (run->client < 0) begin_end(run, EXIT_FAILURE);
}

static uint64_t earlier(uint64_t left, uint64_t right) { return left < right ? left : right; }

static void wait_for_work(struct run *run, struct pollfd *files, size_t count) {
  uint64_t next = earlier(direction_next(&run->directions[0]), direction_next(&run->directions[1]));
  next = earlier(next, earlier(run->next_readiness_check, run->server_deadline));
  uint64_t now = clock_now();
  uint64_t wait = next > now ? next - now : 0;
  struct timespec timeout = {.tv_sec = (time_t)(wait / NANOSECONDS_PER_SECOND),
                             .tv_nsec = (long)(wait % NANOSECONDS_PER_SECOND)};
  if (ppoll(files, count, next == NEVER ? NULL : &timeout, NULL) < 0) {
    for (size_t index = 0; index < count; index++) files[index].revents = 0;
  }
}

// Until the client has ended, and the server after it.
static void move_packets(struct run *run) {
  struct pollfd files[] = {
      {.fd = run->ends[0].tun_fd, .events = POLLIN},
      {.fd = run->ends[1].tun_fd, .events = POLLIN},
      {.fd = run->signals, .events = POLLIN},
  };
  while (run->server_deadline == NEVER || run->server > 0) {
    wait_for_work(run, files, 3);
    for (int end = 0; end < 2; end++) {
      if (files[end].revents != 0) collect(run, end);
      deliver(run, end, clock_now());
    }
    if (files[2].revents != 0) handle_signals(run);
    uint64_t now = clock_now();
    start_client_when_ready(run, now);
    if (now >= run->server_deadline) {
      stop_server(run, SIGKILL);
      run->server_deadline = now + NANOSECONDS_PER_SECOND;
    }
  }
}

static void report(struct run *run) {
  static const char *const names[] = {"server-to-client", "client-to-server"};
  for (int end = 0; end < 2; end++) {
    const struct counters *counters = &run->directions[end].counters;
    fprintf(stderr, "link %s packets=%llu bytes=%llu lost=%llu overflowed=%llu\n", names[end],
            (unsigned long long)counters->packets, (unsigned long long)counters->bytes,
            (unsigned long long)counters->lost, (unsigned long long)counters->overflowed);
  }
  uint64_t drops = 0;
  for (int end = 0; end < 2; end++) {
    endpoint_enter(&run->ends[end]);
    drops += endpoint_device_drops();
  }
  // Not the link's doing: this machine was too busy.
  fprintf(stderr, "link devices dropped=%llu\n", (unsigned long long)drops);
}

int main(int argument_count, char **arguments) {
  struct run run = {.settings = settings_parse(argument_count, arguments), .server_deadline = NEVER};
  endpoint_gain_rights();
  endpoint_open(&run.ends[0], "10.99.0.1", &run.settings);
  endpoint_open(&run.ends[1], "10.99.0.2", &run.settings);
  endpoint_enter(&run.ends[0]);
  direction_open(&run.directions[0], &run.settings, run.settings.seed);
  direction_open(&run.directions[1], &run.settings, ~run.settings.seed);
  // Otherwise the kernel may wake us 50 microseconds late, to save power.
  run.timer_slack = prctl(PR_GET_TIMERSLACK);
  prctl(PR_SET_TIMERSLACK, 1);
  sigset_t handled;
  sigemptyset(&handled);
  sigaddset(&handled, SIGCHLD);
  sigaddset(&handled, SIGINT);
  sigaddset(&handled, SIGTERM);
  sigprocmask(SIG_BLOCK, &handled, NULL);
  run.signals = signalfd(-1, &handled, SFD_NONBLOCK | SFD_CLOEXEC);
  run.server = start(&run, 0, run.settings.server);
  if (run.signals < 0 || run.server < 0) {
    fprintf(stderr, "linktun: cannot start the server: %s\n", strerror(errno));
    return EXIT_FAILURE;
  }
  move_packets(&run);
  report(&run);
  return run.exit_code;
}
