// One HTTP/2 connection over nghttp2 and a non-blocking socket: what its client and its server share.
#pragma once

#include "common.h"

#include <nghttp2/nghttp2.h>
#include <sys/uio.h>

enum {
  PIECE_LIMIT = 128,
  COPY_ROOM = 512 << 10,
  // Room kept for one frame that nghttp2 has copied.
  COPY_RESERVE = 64 << 10,
  TURN_BYTES = 1 << 20,
  READ_BYTES = 256 << 10,
};

// Bytes on their way to the socket: payload of bulk stays where it is, everything else is copied.
struct connection {
  int descriptor;
  nghttp2_session *session;
  size_t frame_limit;
  struct iovec pieces[PIECE_LIMIT];
  int piece_count;
  size_t piece_bytes;
  size_t copied;
  uint8_t copies[COPY_ROOM];
  uint8_t read_room[READ_BYTES];
};

extern const nghttp2_nv request_fields[4];
extern const nghttp2_nv response_fields[1];

// Callbacks that both ends need; the caller adds its own.
nghttp2_session_callbacks *connection_callbacks(void);

// Sends the settings that the options ask for; without any they are those of the library.
void connection_begin(struct connection *connection, const struct options *options);

bool connection_has_room(const struct connection *connection);
void connection_append(struct connection *connection, const void *bytes, size_t count, bool copies);

// Sends what nghttp2 has and the socket takes, at most about TURN_BYTES. False when the connection is gone.
bool connection_send(struct connection *connection);
// Reads once. False when the connection is gone.
bool connection_receive(struct connection *connection);
// What to ask poll for.
short connection_interest(const struct connection *connection);
