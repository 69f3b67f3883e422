// The command line.
#define _GNU_SOURCE
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "linktun.h"

static const char *const usage =
    "usage: run [OPTIONS] -- SERVER-COMMAND --- CLIENT-COMMAND\n"
    "\n"
    "Runs the server at 10.99.0.1 and the client at 10.99.0.2, each in a network namespace, with an emulated link\n"
    "between them. Ends when the client does, with its exit code; 3 when the link cannot be made here.\n"
    "\n"
    "  --delay-milliseconds N     each way, 0 to 10000 (0)\n"
    "  --jitter-milliseconds N    more delay at random, up to this; never changes the order; 0 to 10000 (0)\n"
    "  --rate-megabits N          each way, 0.001 to 100000; 0 for no limit (0)\n"
    "  --loss P                   probability for each packet, each way, 0 to 1 (0)\n"
    "  --queue-packets N          packets that may wait for the rate, each way, 1 to 100000 (1000)\n"
    "  --seed N                   of loss and jitter (1)\n"
    "  --congestion NAME          TCP's congestion control at both ends, for instance cubic, reno, bbr\n"
    "  --tcp-buffer-bytes N       the most that TCP buffers for a connection each way, 4096 to 1073741824\n"
    "  --ready-port PORT          start the client when the server listens on this TCP port\n"
    "\n"
    "EXAMPLE\n"
    "  run --delay-milliseconds 10 --rate-megabits 100 --loss 0.001 --congestion cubic --ready-port 7373 -- \\\n"
    "    dwcp serve --listen 10.99.0.1:7373 --root /tmp/in --- dwcp send FILE 10.99.0.1:7373\n";

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("linktun: ", stderr);
  vfprintf(stderr, format, arguments);
  fputs("; see --help\n", stderr);
  va_end(arguments);
  exit(EXIT_USAGE);
}

static double number(const char *name, const char *text, double least, double most) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || !(value >= least && value <= most)) {
    fail("--%s takes %g to %g, not '%s'", name, least, most, text);
  }
  return value;
}

static uint64_t nanoseconds(const char *name, const char *text) {
  return (uint64_t)llround(number(name, text, 0, 10000) * 1e6);
}

enum option_key { DELAY, JITTER, RATE, LOSS, QUEUE, SEED, CONGESTION, BUFFER, READY, HELP };

static const struct option options[] = {
    {"delay-milliseconds", required_argument, NULL, DELAY},
    {"jitter-milliseconds", required_argument, NULL, JITTER},
    {"rate-megabits", required_argument, NULL, RATE},
    {"loss", required_argument, NULL, LOSS},
    {"queue-packets", required_argument, NULL, QUEUE},
    {"seed", required_argument, NULL, SEED},
    {"congestion", required_argument, NULL, CONGESTION},
    {"tcp-buffer-bytes", required_argument, NULL, BUFFER},
    {"ready-port", required_argument, NULL, READY},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void apply(struct settings *settings, int key, const char *name, const char *value) {
  switch (key) {
    case DELAY: settings->delay_nanoseconds = nanoseconds(name, value); break;
    case JITTER: settings->jitter_nanoseconds = nanoseconds(name, value); break;
    case RATE:
      settings->rate_bits_per_second = number(name, value, 0, 100000) * 1e6;
      if (settings->rate_bits_per_second > 0) number(name, value, 0.001, 100000);
      break;
    case LOSS: settings->loss_probability = number(name, value, 0, 1); break;
    case QUEUE: settings->queue_packets = (size_t)number(name, value, 1, 100000); break;
    case SEED: settings->seed = (uint64_t)number(name, value, 0, 9007199254740992.0); break;
    case CONGESTION: settings->congestion = value; break;
    case BUFFER: settings->tcp_buffer_bytes = (unsigned long)number(name, value, 4096, 1073741824); break;
    case READY: settings->ready_port = (int)number(name, value, 1, 65535); break;
  }
}

struct settings settings_parse(int argument_count, char **arguments) {
  struct settings settings = {.queue_packets = 1000, .seed = 1};
  opterr = 0;
  int key, index = 0;
  // The plus sign: options end where the commands begin.
  while ((key = getopt_long(argument_count, arguments, "+", options, &index)) != -1) {
    if (key == HELP) {
      fputs(usage, stdout);
      exit(EXIT_SUCCESS);
    }
    if (key == '?') fail("'%s' is not an option, or lacks its value", arguments[optind - 1]);
    apply(&settings, key, options[index].name, optarg);
  }
  if (optind == 1 || strcmp(arguments[optind - 1], "--") != 0) fail("'--' and the server's command are missing");
  settings.server = &arguments[optind];
  int divider = optind;
  while (divider < argument_count && strcmp(arguments[divider], "---") != 0) divider++;
  if (divider == optind) fail("the server's command is missing behind '--'");
  if (divider + 1 >= argument_count) fail("'---' and the client's command are missing");
  arguments[divider] = NULL;
  settings.client = &arguments[divider + 1];
  return settings;
}
