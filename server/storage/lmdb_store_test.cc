// What LmdbStore promises beyond the contract: files, damage, limits.
#include "server/storage/lmdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/file.h"
#include "tests/support/sanitized.h"
#include "tests/support/status_matchers.h"

namespace twin::storage {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

using Entries = std::map<std::string, std::string>;

absl::StatusOr<Entries> ReadAll(LmdbStore& store) {
  auto read = store.BeginRead();
  if (!read.ok()) return read.status();
  Entries entries;
  absl::Status status = (*read)->Scan("", "", [&](absl::string_view key, absl::string_view value) {
    entries.emplace(std::string(key), std::string(value));
    return true;
  });
  if (!status.ok()) return status;
  return entries;
}

absl::Status WriteAll(LmdbStore& store, const Entries& entries) {
  auto write = store.BeginWrite();
  if (!write.ok()) return write.status();
  for (const auto& [key, value] : entries) {
    absl::Status status = (*write)->Put(key, value);
    if (!status.ok()) return status;
  }
  return (*write)->Commit();
}

// Leaves with small values, big values, and two levels of branches.
Entries Sample() {
  Entries entries;
  for (int i = 0; i < 2000; ++i) {
    entries[absl::StrFormat("%s%05d", std::string(200, 'k'), i)] = std::string(i % 700, 'v');
  }
  for (int i = 0; i < 10; ++i) entries[absl::StrCat("big", i)] = std::string(50000 + i, 'b');
  return entries;
}

class LmdbStoreTest : public ::testing::Test {
 public:
  ~LmdbStoreTest() override { std::filesystem::remove_all(top_); }

 protected:
  LmdbStoreTest() : top_(::testing::TempDir() + "twin_lmdb_XXXXXX") {
    EXPECT_NE(mkdtemp(top_.data()), nullptr);
    folder_ = JoinPath(top_, "store");
    data_ = JoinPath(folder_, "data.mdb");
  }

  absl::StatusOr<std::unique_ptr<LmdbStore>> Open() { return LmdbStore::Open({.folder = folder_}); }

  // Writes a store and closes it.
  void Fill(const Entries& entries) {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT(WriteAll(**store, entries), IsOk());
  }

  std::string Bytes() {
    auto bytes = PosixFileSystem()->ReadWhole(data_);
    EXPECT_THAT(bytes, IsOk());
    return *std::move(bytes);
  }
  void SetBytes(const std::string& bytes) {
    const auto file = PosixFileSystem()->Create(data_);
    ASSERT_THAT(file, IsOk());
    EXPECT_THAT((*file)->Write(0, bytes), IsOk());
  }

  std::string top_;
  std::string folder_;
  std::string data_;
};

TEST_F(LmdbStoreTest, KeepsWhatWasCommitted) {
  const Entries entries = Sample();
  Fill(entries);
  EXPECT_THAT(PosixFileSystem()->List(folder_),
              IsOkAndHolds(UnorderedElementsAre("data.mdb", "lock.mdb")));
  for (const bool check_pages : {false, true}) {
    auto store = LmdbStore::Open({.folder = folder_, .check_pages = check_pages});
    ASSERT_THAT(store, IsOk());
    EXPECT_THAT(ReadAll(**store), IsOkAndHolds(entries));
    EXPECT_THAT((*store)->Bytes(), IsOkAndHolds(Bytes().size()));
  }
}

TEST_F(LmdbStoreTest, CreatesFoldersOnTheWay) {
  folder_ = JoinPath(top_, "a/b/c");
  EXPECT_THAT(Open(), IsOk());
  EXPECT_TRUE(PosixFileSystem()->Exists(JoinPath(folder_, "data.mdb")));
}

TEST_F(LmdbStoreTest, ACrashDuringTheFirstStartDoesNoHarm) {
  EXPECT_THAT(PosixFileSystem()->CreateFolder(folder_), IsOk());
  EXPECT_THAT(PosixFileSystem()->WriteWhole(data_ + ".new", "half"), IsOk());
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries()));
}

TEST_F(LmdbStoreTest, OpensOnceInAProcess) {
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(LmdbStore::Open({.folder = folder_ + "/../store", .read_only = true}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("open already")));
  store->reset();
  EXPECT_THAT(Open(), IsOk());
}

TEST_F(LmdbStoreTest, ReadOnlyWritesNothing) {
  const LmdbOptions read_only = {.folder = folder_, .read_only = true};
  EXPECT_THAT(LmdbStore::Open(read_only),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_)));
  EXPECT_FALSE(PosixFileSystem()->Exists(folder_));
  EXPECT_THAT(PosixFileSystem()->CreateFolder(folder_), IsOk());
  EXPECT_THAT(LmdbStore::Open(read_only),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(folder_)));

  Fill({{"a", "1"}});
  auto store = LmdbStore::Open(read_only);
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries{{"a", "1"}}));
  EXPECT_THAT((*store)->BeginWrite(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("read only")));
  const std::string copy = JoinPath(top_, "copy");
  EXPECT_THAT(PosixFileSystem()->CreateFolder(copy), IsOk());
  EXPECT_THAT((*store)->CopyTo(copy), IsOk());
}

TEST_F(LmdbStoreTest, AFlippedBitOfAValueIsFound) {
  for (const size_t size : {20, 100000}) {  // in a leaf; in pages of its own
    SCOPED_TRACE(size);
    const std::string value(size, 'v');
    Fill({{"a", "1"}, {"k\x01y", value}, {"z", "2"}});
    const std::string whole = Bytes();
    const size_t at = whole.find(value);
    ASSERT_NE(at, std::string::npos);
    for (const size_t offset : {size_t{0}, size / 2, size - 1, size, size + 3}) {
      std::string bytes = whole;
      bytes[at + offset] ^= 0x10;
      SetBytes(bytes);
      auto store = Open();
      ASSERT_THAT(store, IsOk());
      const auto lost =
          StatusIs(absl::StatusCode::kDataLoss,
                   AllOf(HasSubstr("key 'k\\x01y'"),
                         HasSubstr("start on a backup, or run `twinctl check " + top_ + "`")));
      std::string got;
      EXPECT_THAT((*(*store)->BeginRead())->Get("k\x01y", &got), lost);
      EXPECT_THAT(ReadAll(**store), lost);
      EXPECT_THAT((*(*store)->BeginRead())->Get("z", &got), IsOkAndHolds(true));
      EXPECT_THAT((*(*store)->BeginWrite())->Get("k\x01y", &got), lost);
    }
    std::filesystem::remove_all(folder_);
  }
}

TEST_F(LmdbStoreTest, ADamagedEntryCanBeReplaced) {
  Fill({{"a", "1"}, {"b", "some value"}});
  std::string bytes = Bytes();
  bytes[bytes.find("some value")] = 'X';
  SetBytes(bytes);
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(WriteAll(**store, {{"b", "whole"}}), IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries{{"a", "1"}, {"b", "whole"}}));
}

TEST_F(LmdbStoreTest, AFileCutShortIsRefused) {
  Fill(Sample());
  const std::string whole = Bytes();
  std::vector<size_t> sizes = {0, 1, 16, 100, 151, 152, 2000, 4095, 4096, 4097, 8191, 8192, 8193};
  for (size_t size = 12288; size < whole.size(); size += 4096 * 7 + 1) sizes.push_back(size);
  for (const size_t less : {1, 100, 4095, 4096, 4097}) sizes.push_back(whole.size() - less);
  for (const size_t size : sizes) {
    SCOPED_TRACE(absl::StrCat(size, " of ", whole.size()));
    SetBytes(whole.substr(0, size));
    for (const bool read_only : {false, true}) {
      EXPECT_THAT(LmdbStore::Open({.folder = folder_, .read_only = read_only}),
                  StatusIs(absl::StatusCode::kDataLoss,
                           AllOf(HasSubstr(data_), HasSubstr("`twinctl check"))));
    }
    EXPECT_EQ(std::filesystem::file_size(data_), size);
  }
  SetBytes(whole);
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Sample()));
}

// LMDB does not write pages that were taken and freed in one transaction, though its meta page
// counts them: such a file is short, and whole.
TEST_F(LmdbStoreTest, AShortFileThatLmdbLeftIsWhole) {
  uint64_t counted = 0;
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    for (int i = 0; i < 10; ++i) {  // It does so when it has free pages, hence not at first.
      auto write = (*store)->BeginWrite();
      ASSERT_THAT(write, IsOk());
      EXPECT_THAT((*write)->Put("a", "1"), IsOk());
      const std::string key = absl::StrCat("b", i);
      EXPECT_THAT((*write)->Put(key, std::string((i + 1) << 20, 'b')), IsOk());
      EXPECT_THAT((*write)->Delete(key), IsOk());
      EXPECT_THAT((*write)->Commit(), IsOk());
    }
    counted = *(*store)->Bytes();
  }
  ASSERT_LT(std::filesystem::file_size(data_), counted) << "LMDB has changed; simplify CheckFile";
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries{{"a", "1"}}));
  EXPECT_THAT(WriteAll(**store, Sample()), IsOk());
  store->reset();
  EXPECT_THAT(LmdbStore::Open({.folder = folder_, .check_pages = true}), IsOk());
}

// Random transactions, with a restart after each: no good file is ever refused.
TEST_F(LmdbStoreTest, WhatWasCommittedOpensAgain) {
  std::mt19937 random(20240601);  // NOLINT: the same each time
  Entries expected;
  for (int round = 0; round < 100; ++round) {
    SCOPED_TRACE(round);
    auto store = LmdbStore::Open({.folder = folder_, .check_pages = round % 2 == 0});
    ASSERT_THAT(store, IsOk());
    ASSERT_THAT(ReadAll(**store), IsOkAndHolds(expected));
    auto write = (*store)->BeginWrite();
    ASSERT_THAT(write, IsOk());
    for (int i = 0; i < 40; ++i) {
      const std::string key = absl::StrCat("key", random() % 60);
      if (random() % 3 == 0) {
        EXPECT_THAT((*write)->Delete(key), IsOk());
        expected.erase(key);
      } else {
        const std::string value(random() % (random() % 2 == 0 ? 100 : 30000), 'v');
        EXPECT_THAT((*write)->Put(key, value), IsOk());
        expected[key] = value;
      }
    }
    if (round % 10 == 9) {
      EXPECT_THAT((*write)->DeleteRange("key2", "key5"), IsOk());
      expected.erase(expected.lower_bound("key2"), expected.lower_bound("key5"));
    }
    ASSERT_THAT((*write)->Commit(), IsOk());
  }
}

// With check_pages a damaged file is refused, or its reads are right or DATA_LOSS; never a crash.
TEST_F(LmdbStoreTest, CheckPagesMakesDamageSafe) {
  const Entries entries = Sample();
  Fill(entries);
  const std::string whole = Bytes();
  std::mt19937 random(7);  // NOLINT: the same each time
  int refused = 0;
  int found = 0;
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    std::string bytes = whole;
    const size_t page = random() % (whole.size() / 4096);
    // Mostly where LMDB keeps its own: the start of a page.
    const size_t offset = page * 4096 + random() % (round % 4 == 0 ? 4096 : 40);
    bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << random() % 8));
    SetBytes(bytes);
    auto store = LmdbStore::Open({.folder = folder_, .read_only = true, .check_pages = true});
    if (!store.ok()) {
      ++refused;
      continue;
    }
    auto all = ReadAll(**store);
    if (!all.ok()) {
      EXPECT_THAT(all, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("twinctl check")));
      ++found;
    } else if (page >= 2) {  // An older meta page is an older state: here, the empty one.
      EXPECT_LE(all->size(), entries.size());
      for (const auto& [key, value] : *all) EXPECT_EQ(entries.at(key), value);
    }
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(found, 10);
}

// Keys of branches and the list of free pages have no checksum, and reading everything in order
// does not need them. Writing does.
TEST_F(LmdbStoreTest, WhatCheckPagesTakesCanBeWritten) {
  Entries entries = Sample();
  Fill(entries);
  entries.erase(entries.begin(), std::next(entries.begin(), 300));
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    auto write = (*store)->BeginWrite();
    ASSERT_THAT(write, IsOk());
    ASSERT_THAT((*write)->DeleteRange("", entries.begin()->first), IsOk());
    ASSERT_THAT((*write)->Commit(), IsOk());
  }
  Entries changed = entries;
  for (auto& [key, value] : changed) value += "!";
  for (int i = 0; i < 200; ++i) changed[absl::StrCat("new", i)] = std::string(300, 'n');
  const std::string good = Bytes();
  int refused = 0;
  for (size_t page = 2 * 4096; page < good.size(); page += 4096) {
    const auto at16 = [&](size_t at) {
      return static_cast<size_t>(static_cast<unsigned char>(good[page + at])) |
             static_cast<size_t>(static_cast<unsigned char>(good[page + at + 1])) << 8;
    };
    const bool is_branch = at16(10) == 1;
    const bool is_of_free = at16(10) == 2 && at16(12) > 16 && at16(at16(16) + 6) == 8;
    if (!is_branch && !is_of_free) continue;
    for (size_t at = at16(14); at < 4096; at += is_branch ? 509 : 251) {
      std::string bad = good;
      bad[page + at] = static_cast<char>(bad[page + at] ^ (1 << (at % 8)));
      SetBytes(bad);
      auto store = LmdbStore::Open({.folder = folder_, .check_pages = true});
      if (!store.ok()) {
        ++refused;
        EXPECT_THAT(store, StatusIs(absl::StatusCode::kDataLoss, HasSubstr("page")));
        continue;
      }
      ASSERT_THAT(WriteAll(**store, changed), IsOk());
      ASSERT_THAT(ReadAll(**store), IsOkAndHolds(changed)) << "byte " << page + at;
      auto read = (*store)->BeginRead();
      ASSERT_THAT(read, IsOk());
      for (const auto& [key, value] : changed) {
        std::string found;
        ASSERT_THAT((*read)->Get(key, &found), IsOkAndHolds(true)) << key;
      }
    }
  }
  EXPECT_GT(refused, 0);
}

TEST_F(LmdbStoreTest, WhatIsNoLmdbFileIsRefused) {
  Fill({{"a", "1"}});
  const std::string whole = Bytes();
  SetBytes(std::string(8192, 'x'));
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(data_)));
  std::string bytes = whole;
  bytes[16 + 4] = 2;  // the version, in both meta pages
  bytes[4096 + 16 + 4] = 2;
  SetBytes(bytes);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("version")));
}

TEST_F(LmdbStoreTest, AFullMapRefusesAndGoesOn) {
  auto store = LmdbStore::Open({.folder = folder_, .map_bytes = 256 << 10});
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(WriteAll(**store, {{"a", "1"}}), IsOk());
  {
    auto write = (*store)->BeginWrite();
    ASSERT_THAT(write, IsOk());
    EXPECT_THAT((*write)->Put("b", "2"), IsOk());
    const auto full =
        StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("262144 bytes (map_bytes)"));
    EXPECT_THAT((*write)->Put("big", std::string(1 << 20, 'x')), full);
    EXPECT_THAT((*write)->Put("c", "3"), full);
    EXPECT_THAT((*write)->DeleteRange("", ""), full);
    EXPECT_THAT((*write)->Commit(), full);
  }
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries{{"a", "1"}}));
  EXPECT_THAT(WriteAll(**store, {{"b", "2"}}), IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries{{"a", "1"}, {"b", "2"}}));

  store->reset();  // A larger map next time is all it takes.
  store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(WriteAll(**store, {{"big", std::string(1 << 20, 'x')}}), IsOk());
}

TEST_F(LmdbStoreTest, ReadersHaveALimit) {
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  std::vector<std::unique_ptr<ReadTransaction>> readers;
  for (int i = 0; i < LmdbStore::kReadersMax; ++i) {
    auto read = (*store)->BeginRead();
    ASSERT_THAT(read, IsOk());
    readers.push_back(*std::move(read));
  }
  EXPECT_THAT((*store)->BeginRead(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("512 read transactions")));
  readers.pop_back();
  EXPECT_THAT((*store)->BeginRead(), IsOk());
}

TEST_F(LmdbStoreTest, FreedSpaceIsUsedAgainAndNotCopied) {
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(WriteAll(**store, {{"a", std::string(1 << 20, 'x')}}), IsOk());
  }
  EXPECT_LT(*(*store)->Bytes(), 5u << 20);
  EXPECT_THAT(WriteAll(**store, {{"a", "1"}}), IsOk());
  const std::string copy = JoinPath(top_, "copy");
  EXPECT_THAT(PosixFileSystem()->CreateFolder(copy), IsOk());
  EXPECT_THAT((*store)->CopyTo(copy), IsOk());
  EXPECT_LT(std::filesystem::file_size(JoinPath(copy, "data.mdb")), 50000u);
}

// Bytes of this process's memory that are pages of files.
uint64_t ResidentFileBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    uint64_t kib = 0;
    if (std::sscanf(line.c_str(), "RssFile: %" SCNu64, &kib) == 1) return kib << 10;
  }
  return 0;
}

TEST_F(LmdbStoreTest, WhatWasReadIsNoMemoryOfTheProcess) {
  constexpr uint64_t kBytes = 32 << 20;
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  ASSERT_THAT(WriteAll(**store, {{"a", std::string(kBytes, 'x')}}), IsOk());
  uint64_t meanwhile = 0;
  {
    auto read = (*store)->BeginRead();
    ASSERT_THAT(read, IsOk());
    std::string value;
    ASSERT_THAT((*read)->Get("a", &value), IsOkAndHolds(true));
    EXPECT_EQ(value.size(), kBytes);
    meanwhile = ResidentFileBytes();
    EXPECT_GT(meanwhile, kBytes);
  }
  EXPECT_LT(ResidentFileBytes(), meanwhile - kBytes / 2);
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(SizeIs(1)));
}

TEST_F(LmdbStoreTest, TakesLessAddressSpaceWhereItMust) {
#ifdef TWIN_SANITIZED
  GTEST_SKIP() << "sanitizers reserve terabytes themselves";
#endif
  {
    auto store = Open();
    ASSERT_THAT(store, IsOk());
    EXPECT_EQ((*store)->map_bytes(), uint64_t{1} << 40);
  }
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit less = before;
  for (const uint64_t gib : {uint64_t{64}, uint64_t{4}}) {
    less.rlim_cur = (gib + 3) << 30;
    ASSERT_EQ(setrlimit(RLIMIT_AS, &less), 0);
    {
      auto store = Open();
      ASSERT_THAT(store, IsOk());
      EXPECT_EQ((*store)->map_bytes(), gib << 30);
      EXPECT_THAT(WriteAll(**store, {{"a", "1"}}), IsOk());
    }
    ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  }
  less.rlim_cur = uint64_t{3} << 30;
  ASSERT_EQ(setrlimit(RLIMIT_AS, &less), 0);
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("memory")));
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

// A process that is killed: what it committed is there, what it had open is not, and its lock and
// its reader are gone.
TEST_F(LmdbStoreTest, AKilledWriterLeavesWhatItCommitted) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto store = Open();
    if (!store.ok() || !WriteAll(**store, {{"a", "1"}}).ok()) _exit(1);
    const auto read = (*store)->BeginRead();
    const auto write = (*store)->BeginWrite();
    if (!read.ok() || !write.ok() || !(*write)->Put("b", "2").ok()) _exit(1);
    _exit(0);  // without any destructor
  }
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  ASSERT_EQ(result, 0);
  auto store = Open();
  ASSERT_THAT(store, IsOk());
  EXPECT_THAT(ReadAll(**store), IsOkAndHolds(Entries{{"a", "1"}}));
  EXPECT_THAT(WriteAll(**store, {{"c", "3"}}), IsOk());
}

TEST_F(LmdbStoreTest, MisuseEndsTheProcess) {
  EXPECT_DEATH(
      {
        auto store = Open();
        auto read = (*store)->BeginRead();
        store->reset();
      },
      "1 transactions of .*data.mdb are open");
  EXPECT_DEATH(
      {
        auto store = Open();
        auto write = (*store)->BeginWrite();
        (void)(*write)->Commit();
        (void)(*write)->Put("a", "1");
      },
      "the write transaction has ended");
}

}  // namespace
}  // namespace twin::storage
