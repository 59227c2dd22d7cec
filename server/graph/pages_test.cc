#include "server/graph/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/base/sync.h"

namespace twin::graph {
namespace {

constexpr uint32_t kBytes = 1040;
constexpr size_t kSlabPages = 31;

void Fill(PageArray* array, size_t page, char with, uint32_t size = kBytes, uint64_t stamp = 1) {
  std::memset(array->Mutable(page, size, stamp), with, size);
}

PageArray Filled(size_t pages) {
  PageArray array;
  for (size_t page = 0; page < pages; ++page) Fill(&array, page, static_cast<char>(page));
  return array;
}

// Pages behind which the next one does not lie.
size_t Gaps(const PageArray& array) {
  size_t gaps = 0;
  for (size_t page = 0; page + 1 < array.pages(); ++page) {
    gaps += array.Bytes(page + 1) == array.Bytes(page) + kBytes ? 0 : 1;
  }
  return gaps;
}

TEST(Pages, OfOneArrayLieNextToEachOther) {
  const PageArray array = Filled(10 * kSlabPages);
  EXPECT_EQ(Gaps(array), 9);
  for (size_t page = 0; page < array.pages(); ++page) {
    EXPECT_EQ(array.Get(page), std::string(kBytes, static_cast<char>(page))) << page;
  }
}

TEST(Pages, InWhateverOrderTheyWereWritten) {
  PageArray array;
  for (size_t i = 0; i < 10 * kSlabPages; ++i) {
    const size_t page = i * 7 % (10 * kSlabPages);
    Fill(&array, page, static_cast<char>(page));
  }
  EXPECT_EQ(Gaps(array), 9);
  EXPECT_EQ(array.Get(100), std::string(kBytes, 100));
}

TEST(Pages, OfASmallArrayTakeWhatTheyHold) {
  PageArray array;
  Fill(&array, 0, 'a');
  const uint64_t one = array.bytes();
  for (size_t page = 1; page < kSlabPages / 2; ++page) Fill(&array, page, 'a');
  EXPECT_EQ(array.bytes() - one, (kSlabPages / 2 - 1) * (kBytes + 16));
  for (size_t page = kSlabPages / 2; page < kSlabPages; ++page) Fill(&array, page, 'a');
  EXPECT_EQ(array.bytes() - one, 32752 - (kBytes + 16));
}

TEST(Pages, ThatAreTinyStayAlone) {
  PageArray array;
  Fill(&array, 0, 'a', 8);
  const uint64_t one = array.bytes();
  for (size_t page = 1; page < kSlabPages; ++page) Fill(&array, page, 'a', 8);
  EXPECT_EQ(array.bytes() - one, (kSlabPages - 1) * 24);
}

TEST(Pages, ThatAreTinyAndTheSameTakeRoomOnce) {
  const uint64_t nothing = PageBytesInUse();
  {
    PageArray array;
    array.Store(0, "12345678", 1);
    const uint64_t one = array.bytes();
    for (size_t page = 1; page < 40; ++page) array.Store(page, "12345678", 1);
    EXPECT_EQ(array.bytes(), one);
    EXPECT_EQ(PageBytesInUse() - nothing, one);
    array.Store(20, "87654321", 1);  // in the middle of them
    Fill(&array, 30, 'z', 8, 1);
    array.Store(40, "12345678", 2);  // at another time
    EXPECT_EQ(array.bytes(), one + 3 * 24);
    EXPECT_EQ(PageBytesInUse() - nothing, one + 3 * 24);
    std::vector<size_t> newer;
    array.ForEachNewer(1, [&](size_t page, absl::string_view) { newer.push_back(page); });
    EXPECT_EQ(newer, std::vector<size_t>{40});
    {
      const PageArray snapshot = array;
      for (size_t page = 0; page < 40; ++page) Fill(&array, page, 'x', 512, 3);
      for (size_t page = 0; page < 40; ++page) {
        const std::string expected = page == 20   ? "87654321"
                                     : page == 30 ? std::string(8, 'z')
                                                  : "12345678";
        ASSERT_EQ(snapshot.Get(page), expected) << page;
        ASSERT_EQ(array.Get(page), std::string(512, 'x')) << page;
      }
      EXPECT_EQ(snapshot.bytes(), one + 3 * 24);
    }
    EXPECT_EQ(PageBytesInUse() - nothing, array.bytes());
  }
  EXPECT_EQ(PageBytesInUse(), nothing);
}

TEST(Pages, OfAnotherSizeBeginAsZerosAndAreGatheredAnew) {
  PageArray array = Filled(kSlabPages);
  for (size_t page = 0; page < kSlabPages; ++page) {
    EXPECT_EQ(std::string(array.Mutable(page, 512, 2), 512), std::string(512, '\0'));
    Fill(&array, page, static_cast<char>(page), 512, 2);
  }
  for (size_t page = 0; page < kSlabPages; ++page) {
    EXPECT_EQ(array.Get(page), std::string(512, static_cast<char>(page)));
    EXPECT_EQ(array.Bytes(page), array.Bytes(0) + page * 512);
  }
}

TEST(Pages, ComeBackToTheirPlaceWhenASnapshotIsGone) {
  PageArray array = Filled(10 * kSlabPages);
  const uint64_t before = array.bytes();
  {
    const PageArray snapshot = array;
    Fill(&array, 40, 'x');
    Fill(&array, 50, 'y');
    EXPECT_EQ(snapshot.Get(40), std::string(kBytes, 40));
    EXPECT_EQ(array.Get(40), std::string(kBytes, 'x'));
    EXPECT_EQ(Gaps(array), 9 + 4);
    EXPECT_EQ(Gaps(snapshot), 9);
    Fill(&array, 40, 'z');
    EXPECT_EQ(Gaps(array), 9 + 4) << "its place is the snapshot's";
  }
  std::memset(array.Mutable(40, kBytes, 2), 'z', 1);
  EXPECT_EQ(array.Get(40), std::string(kBytes, 'z'));
  const PageArray snapshot = array;
  Fill(&array, 50, 'q');
  EXPECT_EQ(snapshot.Get(50), std::string(kBytes, 'y'));
  EXPECT_EQ(array.Get(50), std::string(kBytes, 'q'));
  EXPECT_EQ(Gaps(array), 9);
  EXPECT_EQ(array.bytes(), before);
}

TEST(Pages, ThatAreAllCopiedLieNextToEachOtherAgain) {
  const uint64_t nothing = PageBytesInUse();
  {
    PageArray array = Filled(10 * kSlabPages);
    const uint64_t once = PageBytesInUse() - nothing;
    EXPECT_EQ(array.bytes(), once);
    {
      const PageArray snapshot = array;
      for (size_t page = 0; page < array.pages(); ++page) Fill(&array, page, 'x');
      EXPECT_EQ(Gaps(array), 9);
      EXPECT_EQ(snapshot.Get(100), std::string(kBytes, 100));
      EXPECT_EQ(PageBytesInUse() - nothing, 2 * once);
    }
    EXPECT_EQ(PageBytesInUse() - nothing, once);
    EXPECT_EQ(array.bytes(), once);
  }
  EXPECT_EQ(PageBytesInUse(), nothing);
}

// Random changes of several arrays that were copied from each other, against maps.
TEST(Pages, EachCopyHasWhatItWasGiven) {
  const uint64_t nothing = PageBytesInUse();
  for (uint32_t seed = 0; seed < 5; ++seed) {
    std::mt19937 random(seed);
    struct Pair {
      PageArray array;
      std::map<size_t, std::string> model;
    };
    std::vector<Pair> pairs(3);
    for (int i = 0; i < 30000; ++i) {
      Pair& pair = pairs[random() % pairs.size()];
      if (random() % 500 == 0) {
        pair = pairs[random() % pairs.size()];
        continue;
      }
      const size_t page = random() % (i < 15000 ? 60 : 300);
      const uint32_t size = page % 9 == 0 && random() % 4 == 0 ? 8 : 256;
      std::string& expected = pair.model[page];
      char* const bytes = pair.array.Mutable(page, size, 1);
      if (expected.size() != size) expected.assign(size, '\0');
      ASSERT_EQ(absl::string_view(bytes, size), expected);
      bytes[i % size] = expected[i % size] = static_cast<char>(i);
    }
    for (const Pair& pair : pairs) {
      for (size_t page = 0; page < pair.array.pages(); ++page) {
        const auto found = pair.model.find(page);
        ASSERT_EQ(pair.array.Get(page), found == pair.model.end() ? "" : found->second) << page;
      }
    }
    pairs.resize(1);
    EXPECT_EQ(PageBytesInUse() - nothing, pairs[0].array.bytes());
  }
  EXPECT_EQ(PageBytesInUse(), nothing);
}

TEST(Pages, SnapshotsAreReadAndReleasedByOtherThreads) {
  PageArray array = Filled(4 * kSlabPages);
  Mutex mutex;
  PageArray shared = array;  // the newest snapshot
  bool end = false;
  for (size_t page = 0; page < array.pages(); ++page) Fill(&array, page, 0);
  shared = array;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (bool last = false; !last;) {
        PageArray snapshot;
        {
          const MutexLock lock(&mutex);
          snapshot = shared;
          last = end;
        }
        for (size_t page = 0; page < snapshot.pages(); ++page) {
          const absl::string_view bytes = snapshot.Get(page);
          ASSERT_EQ(bytes, std::string(kBytes, bytes[0]));
        }
      }
    });
  }
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    for (int k = 0; k < 20; ++k) {
      Fill(&array, random() % array.pages(), static_cast<char>(i));
    }
    const MutexLock lock(&mutex);
    shared = array;
  }
  {
    const MutexLock lock(&mutex);
    end = true;
  }
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace twin::graph
