#pragma once

#include "common.h"

void nghttp2_serve(const struct options *options);
void nghttp2_memory(const struct options *options);
