// The limit: plain TCP, a connection for each stream of work, one thread and one epoll at each end.
#define _GNU_SOURCE
#include "common.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// A connection of either end. `memory` holds a message that is not complete yet.
struct link {
  int descriptor;
  uint8_t service; // 0 while unknown
  bool has_connected;
  size_t have; // bytes received of the piece under way
  size_t sent; // bytes sent of it
  const uint8_t *block;
  uint8_t *memory;
};

static int events;
static uint8_t scratch[BLOCK_BYTES];
static const struct options *options;

static struct link *link_add(int descriptor, uint8_t service, uint32_t interest) {
  struct link *link = calloc(1, sizeof *link);
  link->descriptor = descriptor;
  link->service = service;
  struct epoll_event event = {.events = interest, .data.ptr = link};
  if (epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0) fail("epoll takes no more: %s", strerror(errno));
  return link;
}

static void link_want(struct link *link, uint32_t interest) {
  struct epoll_event event = {.events = interest, .data.ptr = link};
  epoll_ctl(events, EPOLL_CTL_MOD, link->descriptor, &event);
}

static void link_remove(struct link *link) {
  close(link->descriptor);
  free(link->memory);
  free(link);
}

// All of a small piece at once, since a fresh buffer always has room for it.
static void send_all(int descriptor, const void *bytes, size_t count) {
  if (send(descriptor, bytes, count, MSG_NOSIGNAL) != (ssize_t)count) {
    fail("%zu bytes could not be sent: %s", count, strerror(errno));
  }
}

// MARK: the server

static uint64_t sink_bytes;
static struct link *confirming;
static uint64_t confirm_at;

static void confirm_if_reached(void) {
  if (confirming == NULL || sink_bytes < confirm_at) return;
  uint8_t answer[8];
  put_count(answer, sink_bytes);
  send_all(confirming->descriptor, answer, sizeof answer);
  confirming = NULL;
}

// Bytes behind the service's own; returns whether the connection stays.
static bool serve_bytes(struct link *link, const uint8_t *bytes, size_t count) {
  switch (link->service) {
  case SERVICE_SINK:
    sink_bytes += count;
    confirm_if_reached();
    return true;
  case SERVICE_ECHO:
    send_all(link->descriptor, bytes, count);
    return true;
  case SERVICE_EXCHANGE:
  case SERVICE_CONFIRM: {
    size_t wanted = link->service == SERVICE_EXCHANGE ? EXCHANGE_BYTES : MAXIMUM_TAG_BYTES;
    if (link->memory == NULL) link->memory = malloc(EXCHANGE_BYTES);
    if (link->have + count > wanted) return false;
    memcpy(link->memory + link->have, bytes, count);
    link->have += count;
    if (link->have < wanted) return true;
    if (link->service == SERVICE_EXCHANGE) {
      send_all(link->descriptor, link->memory, wanted);
      return false;
    }
    confirming = link;
    confirm_at = get_count(link->memory + 1);
    confirm_if_reached();
    return true;
  }
  default:
    return false;
  }
}

static void serve_readable(struct link *link) {
  ssize_t count = read(link->descriptor, scratch, sizeof scratch);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) return link_remove(link);
  const uint8_t *bytes = scratch;
  if (link->service == 0) {
    link->service = bytes[0];
    // An exchange and a confirmation keep their first byte; of the others it is no payload.
    if (link->service == SERVICE_SINK || link->service == SERVICE_ECHO) bytes += 1, count -= 1;
  }
  if (!serve_bytes(link, bytes, (size_t)count)) link_remove(link);
}

static void serve(void) {
  int listener = listen_on(options->port);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
  while (true) {
    struct epoll_event ready[64];
    int count = epoll_wait(events, ready, 64, -1);
    for (int index = 0; index < count; index++) {
      if (ready[index].data.ptr != NULL) {
        serve_readable(ready[index].data.ptr);
        continue;
      }
      int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
      if (descriptor < 0) continue;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      link_add(descriptor, 0, EPOLLIN);
    }
  }
}

// MARK: the client

static struct span span;
static uint64_t bulk_bytes;
static long completed;
static uint8_t exchange[EXCHANGE_BYTES];
static uint8_t echo[ECHO_BYTES];
static uint64_t echo_sent_at;
static bool is_over;

static void receive_all(int descriptor, uint8_t *bytes, size_t count) {
  ssize_t received = recv(descriptor, bytes, count, MSG_WAITALL);
  if (received != (ssize_t)count) fail("the server ended early: %s", strerror(errno));
}

// Waits until the server has counted every byte; returns its count.
static uint64_t confirm(void) {
  int descriptor = connect_to(options->host, options->port);
  uint8_t message[MAXIMUM_TAG_BYTES] = {SERVICE_CONFIRM}, answer[8];
  put_count(message + 1, bulk_bytes);
  send_all(descriptor, message, sizeof message);
  receive_all(descriptor, answer, sizeof answer);
  close(descriptor);
  uint64_t counted = get_count(answer);
  if (counted != bulk_bytes) fail("%llu bytes were sent, %llu arrived", (unsigned long long)bulk_bytes,
                                  (unsigned long long)counted);
  return counted;
}

static void bulk_open(void) {
  int descriptor = connect_to(options->host, options->port);
  uint8_t tag = SERVICE_SINK;
  send_all(descriptor, &tag, 1);
  set_nonblocking(descriptor);
  struct link *link = link_add(descriptor, SERVICE_SINK, EPOLLOUT);
  link->sent = BLOCK_BYTES;
}

// One write for each readiness, so that all connections get their turn.
static void bulk_writable(struct link *link) {
  if (link->sent == BLOCK_BYTES) {
    if (is_over) return link_remove(link);
    link->block = source_next_block();
    link->sent = 0;
  }
  ssize_t count = write(link->descriptor, link->block + link->sent, BLOCK_BYTES - link->sent);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) fail("a bulk connection ended: %s", strerror(errno));
  link->sent += (size_t)count;
  bulk_bytes += (uint64_t)count;
}

static void exchange_open(void) {
  link_add(begin_connect(options->host, options->port), SERVICE_EXCHANGE, EPOLLOUT);
}

static void exchange_ready(struct link *link) {
  if (!link->has_connected) {
    link->has_connected = true;
    send_all(link->descriptor, exchange, EXCHANGE_BYTES);
    return link_want(link, EPOLLIN);
  }
  ssize_t count = read(link->descriptor, scratch, EXCHANGE_BYTES + 1);
  if (count < 0 && errno == EAGAIN) return;
  if (count < 0 || link->have + (size_t)count > EXCHANGE_BYTES) fail("an exchange failed: %s", strerror(errno));
  if (memcmp(scratch, exchange + link->have, (size_t)count) != 0) fail("an answer differs from what was sent");
  link->have += (size_t)count;
  if (count > 0) return;
  // The server closes first, so that the port of this end can be used again.
  if (link->have != EXCHANGE_BYTES) fail("an answer ended after %zu bytes of %d", link->have, EXCHANGE_BYTES);
  link_remove(link);
  completed += 1;
  is_over = span_is_over(&span, completed);
  if (!is_over) exchange_open();
}

static void echo_send(struct link *link) {
  fill_echo(echo, (uint64_t)completed);
  link->have = 0;
  echo_sent_at = now_nanoseconds();
  send_all(link->descriptor, echo, ECHO_BYTES);
}

static void echo_readable(struct link *link) {
  ssize_t count = read(link->descriptor, scratch, ECHO_BYTES);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0 || link->have + (size_t)count > ECHO_BYTES) fail("the echo ended: %s", strerror(errno));
  if (memcmp(scratch, echo + link->have, (size_t)count) != 0) fail("an echo differs from what was sent");
  link->have += (size_t)count;
  if (link->have < ECHO_BYTES) return;
  latency_add(now_nanoseconds() - echo_sent_at);
  completed += 1;
  is_over = span_is_over(&span, completed);
  if (!is_over) echo_send(link);
}

// Runs until `is_over`, and until bulk has ended its last blocks.
static void run_loop(bool time_decides) {
  while (!is_over) {
    struct epoll_event ready[128];
    int count = epoll_wait(events, ready, 128, -1);
    if (time_decides) is_over = span_is_over(&span, (long)(bulk_bytes / BLOCK_BYTES));
    for (int index = 0; index < count; index++) {
      struct link *link = ready[index].data.ptr;
      if (link->service == SERVICE_SINK) bulk_writable(link);
      else if (link->service == SERVICE_EXCHANGE) exchange_ready(link);
      else echo_readable(link);
    }
  }
}

static void run_bulk(void) {
  source_make();
  for (int index = 0; index < options->streams; index++) bulk_open();
  span = span_begin(options);
  run_loop(true);
  report_bulk(&span, confirm());
}

static void run_exchange(void) {
  span = span_begin(options);
  for (int index = 0; index < options->streams; index++) exchange_open();
  run_loop(false);
  report_exchange(&span, completed);
}

static void run_echo(void) {
  if (options->streams > 0) source_make();
  int descriptor = connect_to(options->host, options->port);
  uint8_t tag = SERVICE_ECHO;
  send_all(descriptor, &tag, 1);
  set_nonblocking(descriptor);
  struct link *link = link_add(descriptor, SERVICE_ECHO, EPOLLIN);
  for (int index = 0; index < options->streams; index++) bulk_open();
  span = span_begin(options);
  echo_send(link);
  run_loop(false);
  uint64_t counted = options->streams > 0 ? confirm() : 0;
  report_echo(&span, counted, options->streams > 0 ? now_nanoseconds() - span.begin : 0);
}

int main(int argc, char **argv) {
  struct options parsed = parse_options(argc, argv, false);
  options = &parsed;
  events = epoll_create1(EPOLL_CLOEXEC);
  fill_exchange(exchange);
  if (parsed.serves) serve();
  else if (strcmp(parsed.workload, "bulk") == 0) run_bulk();
  else if (strcmp(parsed.workload, "exchange") == 0) run_exchange();
  else if (strcmp(parsed.workload, "echo") == 0) run_echo();
  else fail("plain TCP has no workload %s; choose bulk, exchange or echo", parsed.workload);
  return 0;
}
