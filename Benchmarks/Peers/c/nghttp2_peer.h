#pragma once

#include "common.h"

void nghttp2_serve(const struct options *options);
