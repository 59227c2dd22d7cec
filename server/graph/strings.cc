#include "server/graph/strings.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "server/base/check.h"
#include "server/base/coding.h"

namespace twin::graph {
namespace {

// A place begins with the string's length: one byte below 255, else 255 and four bytes.
constexpr size_t kLongLength = 255;

// Long ones in classes at most 1/8 apart, so that freed places are found again.
size_t BytesFor(size_t length) {
  const size_t need = length + (length < kLongLength ? 1 : 5);
  if (need < 64) return need;
  const size_t step = std::max<size_t>(std::bit_floor(need) / 8, 8);
  return std::min((need + step - 1) / step * step, StringArena::kBlockBytes);
}

}  // namespace

StringArena::~StringArena() {
  for (size_t i = 0; i < kBlocks && blocks_[i] != nullptr; ++i) delete[] blocks_[i];
}

uint32_t StringArena::Add(absl::string_view text) {
  const size_t bytes = BytesFor(text.size());
  TWIN_CHECK(bytes <= kBlockBytes);
  uint32_t place = 0;
  if (const auto it = free_.find(static_cast<uint32_t>(bytes));
      it != free_.end() && !it->second.empty()) {
    place = it->second.back();
    it->second.pop_back();
  } else {
    uint64_t end = end_.load(std::memory_order_relaxed);
    if (end % kBlockBytes + bytes > kBlockBytes || end % kBlockBytes == 0) {
      end = (end + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
      TWIN_CHECK(end / kBlockBytes < kBlocks) << "4 GiB of strings";
      blocks_[end / kBlockBytes] = new char[kBlockBytes];
    }
    place = static_cast<uint32_t>(end);
    end_.store(end + bytes, std::memory_order_relaxed);
  }
  used_ += bytes;
  char* to = At(place);
  if (text.size() < kLongLength) {
    *to++ = static_cast<char>(text.size());
  } else {
    *to++ = static_cast<char>(kLongLength);
    const auto length = static_cast<uint32_t>(text.size());
    std::memcpy(to, &length, sizeof(length));
    to += sizeof(length);
  }
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return place;
}

absl::string_view StringArena::Get(uint32_t place) const {
  const char* from = At(place);
  const auto length = static_cast<unsigned char>(*from);
  if (length < kLongLength) return absl::string_view(from + 1, length);
  uint32_t long_length = 0;
  std::memcpy(&long_length, from + 1, sizeof(long_length));
  return absl::string_view(from + 5, long_length);
}

void StringArena::Free(uint32_t place) {
  const size_t bytes = BytesFor(Get(place).size());
  used_ -= bytes;
  free_[static_cast<uint32_t>(bytes)].push_back(place);
}

uint64_t Pins::Add() {
  const MutexLock lock(&mutex_);
  ++alive_[next_];
  return next_++;
}

void Pins::Remove(uint64_t pin) {
  const MutexLock lock(&mutex_);
  alive_.erase(pin);
}

uint64_t Pins::Now() const {
  const MutexLock lock(&mutex_);
  return next_;
}

bool Pins::NoneBelow(uint64_t now) const {
  const MutexLock lock(&mutex_);
  return alive_.empty() || alive_.begin()->first >= now;
}

size_t Pins::alive() const {
  const MutexLock lock(&mutex_);
  return alive_.size();
}

void StringPool::Stamp(uint32_t code) {
  const uint32_t page = code / kCodesPerPage;
  if (page >= stamps_.size()) stamps_.resize(page + 1);
  stamps_[page] = stamp_;
}

uint32_t StringPool::Intern(absl::string_view text) {
  const MutexLock lock(&mutex_);
  return Intern(text, NumbersByText<StringPool>::HashOf(text));
}

void StringPool::InternAll(absl::Span<const absl::string_view> texts, uint32_t* codes) {
  constexpr size_t kAtOnce = 32;
  size_t hashes[kAtOnce];
  const MutexLock lock(&mutex_);
  for (size_t begin = 0; begin < texts.size(); begin += kAtOnce) {
    const absl::Span<const absl::string_view> some = texts.subspan(begin, kAtOnce);
    for (size_t i = 0; i < some.size(); ++i) {
      hashes[i] = NumbersByText<StringPool>::HashOf(some[i]);
      by_text_.Fetch(hashes[i]);
    }
    for (size_t i = 0; i < some.size(); ++i) codes[begin + i] = Intern(some[i], hashes[i]);
  }
}

uint32_t StringPool::Intern(absl::string_view text, size_t hash) {
  uint32_t code = by_text_.Find(text, hash);
  if (code != kNoString) {
    uses_.Add(code);
    return code;
  }
  code = codes_;
  if (free_codes_.empty()) {
    ++codes_;
    places_.Reserve(codes_);
    uses_.Resize(codes_);
  } else {
    code = free_codes_.back();
    free_codes_.pop_back();
  }
  places_[code] = arena_.Add(text);
  uses_.Add(code);
  by_text_.AddNew(code, hash);
  Stamp(code);
  return code;
}

void StringPool::Release(uint32_t code) {
  uses_.Remove(code);
  if (uses_.Used(code)) return;
  waiting_.push_back({code, pins_.Now()});
  released_[code] = waiting_.back().now;
}

void StringPool::Collect() {
  while (!waiting_.empty() && pins_.NoneBelow(waiting_.front().now)) {
    const Waiting last = waiting_.front();
    waiting_.pop_front();
    const auto it = released_.find(last.code);
    if (it == released_.end() || it->second != last.now) continue;  // used and released again
    released_.erase(it);
    const MutexLock lock(&mutex_);
    if (!uses_.Used(last.code)) Free(last.code);
  }
}

void StringPool::Free(uint32_t code) {
  by_text_.Remove(code);
  arena_.Free(places_[code]);
  places_[code] = kNoString;
  free_codes_.push_back(code);
  Stamp(code);
}

uint32_t StringPool::Find(absl::string_view text) const {
  const MutexLock lock(&mutex_);
  return by_text_.Find(text);
}

uint32_t StringPool::pages() const { return static_cast<uint32_t>(stamps_.size()); }

std::string StringPool::PageBytes(uint32_t page) const {
  const MutexLock lock(&mutex_);
  std::string bytes;
  for (uint32_t i = 0; i < kCodesPerPage; ++i) {
    const uint32_t code = page * kCodesPerPage + i;
    if (code >= codes_ || places_[code] == kNoString) {
      AppendVarint(&bytes, 0);
      continue;
    }
    const absl::string_view text = Get(code);
    AppendVarint(&bytes, text.size() + 1);
    bytes.append(text.data(), text.size());
  }
  return bytes;
}

bool StringPool::LoadPage(uint32_t page, absl::string_view bytes) {
  const MutexLock lock(&mutex_);
  ByteReader reader(bytes);
  const uint32_t end = (page + 1) * kCodesPerPage;
  if (codes_ < end) {
    places_.Reserve(end);
    for (; codes_ < end; ++codes_) places_[codes_] = kNoString;
    uses_.Resize(end);
  }
  if (page >= stamps_.size()) stamps_.resize(page + 1);
  for (uint32_t i = 0; i < kCodesPerPage; ++i) {
    const uint64_t length = reader.Varint();
    if (!reader.ok()) return false;
    if (length == 0) continue;
    const absl::string_view text = reader.Bytes(length - 1);
    if (!reader.ok() || text.size() > StringArena::kStringBytesMax) return false;
    const uint32_t code = page * kCodesPerPage + i;
    if (places_[code] != kNoString) return false;
    places_[code] = arena_.Add(text);
  }
  return reader.done();
}

bool StringPool::AddUse(uint32_t code) {
  if (code >= uses_.size() || places_[code] == kNoString) return false;
  uses_.Add(code);
  return true;
}

bool StringPool::DropUnused() {
  const MutexLock lock(&mutex_);
  by_text_.Reserve(codes_);
  constexpr size_t kAtOnce = 32;
  uint32_t used[kAtOnce];
  size_t hashes[kAtOnce];
  size_t count = 0;
  const auto add = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = NumbersByText<StringPool>::HashOf(Get(used[i]));
      by_text_.Fetch(hashes[i]);
    }
    bool is_new = true;
    for (size_t i = 0; i < count; ++i) {
      is_new = is_new && by_text_.Put(used[i], Get(used[i]), hashes[i]) == kNoString;
    }
    count = 0;
    return is_new;
  };
  for (uint32_t code = 0; code < codes_; ++code) {
    if (places_[code] == kNoString) {
      free_codes_.push_back(code);
    } else if (!uses_.Used(code)) {
      arena_.Free(places_[code]);
      places_[code] = kNoString;
      free_codes_.push_back(code);
      Stamp(code);
    } else {
      used[count] = code;
      if (++count == kAtOnce && !add()) return false;
    }
  }
  return add();
}

size_t StringPool::bytes() const {
  const MutexLock lock(&mutex_);
  return arena_.bytes() + places_.bytes() + uses_.bytes() + by_text_.bytes();
}

}  // namespace twin::graph
