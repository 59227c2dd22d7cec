#include "server/timeseries/zstd.h"

#include <zstd.h>

#include <algorithm>
#include <memory>

#include "server/base/check.h"

namespace twin::timeseries {
namespace {

constexpr int kLevel = 3;
constexpr size_t kStep = 256 << 10;  // what is allocated before there is something to put there

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

void Compress(absl::string_view raw, std::string* bytes) {
  // Making one takes longer than compressing a column.
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  TWIN_CHECK(context != nullptr) << "out of memory";
  const size_t begin = bytes->size();
  bytes->resize(begin + ZSTD_compressBound(raw.size()));
  const size_t size = ZSTD_compressCCtx(context.get(), bytes->data() + begin, bytes->size() - begin,
                                        raw.data(), raw.size(), kLevel);
  TWIN_CHECK(ZSTD_isError(size) == 0) << ZSTD_getErrorName(size);
  bytes->resize(begin + size);
}

bool Decompress(absl::string_view bytes, uint64_t raw_size, std::string* raw) {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  TWIN_CHECK(context != nullptr) << "out of memory";
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  raw->clear();
  if (raw_size <= kStep) {  // at once
    raw->resize(raw_size);
    const size_t size =
        ZSTD_decompressDCtx(context.get(), raw->data(), raw->size(), bytes.data(), bytes.size());
    return ZSTD_isError(size) == 0 && size == raw_size;
  }
  ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer out = {nullptr, 0, 0};
  while (true) {
    if (out.pos == raw->size()) {
      raw->resize(std::min<uint64_t>(raw_size, std::max(kStep, 2 * raw->size())));
    }
    const size_t in_before = in.pos;
    const size_t out_before = out.pos;
    out.dst = raw->data();
    out.size = raw->size();
    const size_t left = ZSTD_decompressStream(context.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return false;
    if (left == 0) return in.pos == in.size && out.pos == raw_size;
    if (in.pos == in_before && out.pos == out_before) return false;
  }
}

}  // namespace twin::timeseries
