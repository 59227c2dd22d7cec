// The contract of kv_store.h, held by every implementation.
#include "server/storage/kv_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/file.h"
#include "server/storage/lmdb_store.h"
#include "server/storage/memory_store.h"
#include "tests/support/status_matchers.h"

namespace twin::storage {
namespace {

using ::testing::_;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::twin::testing::IsOk;
using ::twin::testing::IsOkAndHolds;
using ::twin::testing::StatusIs;

struct Implementation {
  std::string name;
  std::function<absl::StatusOr<std::unique_ptr<KvStore>>(const std::string& folder)> make;
  // What was copied to that folder.
  std::function<absl::StatusOr<std::unique_ptr<KvStore>>(const std::string& folder)> open_copy;
};

template <typename Store>
absl::StatusOr<std::unique_ptr<KvStore>> Widen(absl::StatusOr<std::unique_ptr<Store>> store) {
  if (!store.ok()) return store.status();
  return std::unique_ptr<KvStore>(*std::move(store));
}

absl::StatusOr<std::unique_ptr<KvStore>> OpenLmdb(const std::string& folder) {
  return Widen(LmdbStore::Open({.folder = folder}));
}

// A folder of the test's own.
std::string MakeFolder() {
  std::string folder = ::testing::TempDir() + "twin_kv_XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

// "key=value" of the entries with from <= key < to.
std::vector<std::string> Entries(ReadTransaction& transaction, absl::string_view from = "",
                                 absl::string_view to = "") {
  std::vector<std::string> entries;
  EXPECT_THAT(transaction.Scan(from, to,
                               [&](absl::string_view key, absl::string_view value) {
                                 entries.push_back(absl::StrCat(key, "=", value));
                                 return true;
                               }),
              IsOk());
  return entries;
}

std::string Value(ReadTransaction& transaction, absl::string_view key) {
  std::string value = "untouched";
  const absl::StatusOr<bool> found = transaction.Get(key, &value);
  EXPECT_THAT(found, IsOk());
  return *found ? value : absl::StrCat("none, ", value);
}

class KvStoreContract : public ::testing::TestWithParam<Implementation> {
 public:
  ~KvStoreContract() override {
    store_ = nullptr;
    std::filesystem::remove_all(folder_);
  }

 protected:
  KvStoreContract() : folder_(MakeFolder()) {
    auto store = GetParam().make(JoinPath(folder_, "store"));
    EXPECT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  std::unique_ptr<ReadTransaction> Read() {
    auto transaction = store_->BeginRead();
    EXPECT_THAT(transaction, IsOk());
    return *std::move(transaction);
  }
  std::unique_ptr<WriteTransaction> Write() {
    auto transaction = store_->BeginWrite();
    EXPECT_THAT(transaction, IsOk());
    return *std::move(transaction);
  }
  void Put(absl::string_view key, absl::string_view value) {
    const auto transaction = Write();
    EXPECT_THAT(transaction->Put(key, value), IsOk());
    EXPECT_THAT(transaction->Commit(), IsOk());
  }
  std::string NewFolder(absl::string_view name) {
    std::string folder = JoinPath(folder_, name);
    EXPECT_THAT(PosixFileSystem()->CreateFolder(folder), IsOk());
    return folder;
  }

  const std::string folder_;
  std::unique_ptr<KvStore> store_;
};

TEST_P(KvStoreContract, IsEmptyAtFirst) {
  const auto read = Read();
  EXPECT_THAT(Entries(*read), IsEmpty());
  EXPECT_EQ(Value(*read, "a"), "none, untouched");
}

TEST_P(KvStoreContract, OrdersKeysAsUnsignedBytes) {
  const auto write = Write();
  const std::string zero(1, '\0');
  for (const std::string& key : {std::string("b"), std::string("\xff"), std::string("ab"),
                                 std::string("\x80"), std::string("a"), zero, "a" + zero}) {
    EXPECT_THAT(write->Put(key, "1"), IsOk());
  }
  const auto ordered =
      ElementsAre(zero + "=1", "a=1", "a" + zero + "=1", "ab=1", "b=1", "\x80=1", "\xff=1");
  EXPECT_THAT(Entries(*write), ordered);
  EXPECT_THAT(write->Commit(), IsOk());
  EXPECT_THAT(Entries(*Read()), ordered);
}

TEST_P(KvStoreContract, AScanHasBounds) {
  for (const absl::string_view key : {"a", "b", "c", "d"}) Put(key, "");
  const auto read = Read();
  EXPECT_THAT(Entries(*read, "b", "d"), ElementsAre("b=", "c="));
  EXPECT_THAT(Entries(*read, "aa", "cc"), ElementsAre("b=", "c="));
  EXPECT_THAT(Entries(*read, "", "b"), ElementsAre("a="));
  EXPECT_THAT(Entries(*read, "c"), ElementsAre("c=", "d="));
  EXPECT_THAT(Entries(*read, "b", "b"), IsEmpty());
  EXPECT_THAT(Entries(*read, "c", "b"), IsEmpty());
  EXPECT_THAT(Entries(*read, "e"), IsEmpty());
  const std::string longer_than_a_key = "b" + std::string(2000, 'x');
  EXPECT_THAT(Entries(*read, longer_than_a_key), ElementsAre("c=", "d="));
  EXPECT_THAT(Entries(*read, "", longer_than_a_key), ElementsAre("a=", "b="));
}

TEST_P(KvStoreContract, AScanStopsWhenToldTo) {
  for (const absl::string_view key : {"a", "b", "c"}) Put(key, "");
  std::string seen;
  const auto visit = [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
    absl::StrAppend(&seen, key);
    return key < "b";
  };
  EXPECT_THAT(Read()->Scan("", "", visit), IsOk());
  EXPECT_EQ(seen, "ab");
  const auto fail = [](absl::string_view, absl::string_view) -> absl::StatusOr<bool> {
    return absl::AbortedError("enough");
  };
  EXPECT_THAT(Read()->Scan("", "", fail), StatusIs(absl::StatusCode::kAborted, "enough"));
}

TEST_P(KvStoreContract, AWriterSeesItsOwnWrites) {
  Put("a", "1");
  const auto write = Write();
  EXPECT_THAT(write->Put("b", "2"), IsOk());
  EXPECT_THAT(write->Put("a", "3"), IsOk());
  EXPECT_EQ(Value(*write, "a"), "3");
  EXPECT_THAT(Entries(*write), ElementsAre("a=3", "b=2"));
  EXPECT_THAT(write->Delete("a"), IsOk());
  EXPECT_EQ(Value(*write, "a"), "none, untouched");
  EXPECT_THAT(Entries(*write), ElementsAre("b=2"));
  EXPECT_THAT(Entries(*Read()), ElementsAre("a=1"));
}

TEST_P(KvStoreContract, CountsWhatIsPut) {
  const auto write = Write();
  EXPECT_EQ(write->bytes(), 0u);
  EXPECT_THAT(write->Put("key", "value"), IsOk());
  EXPECT_THAT(write->Put("key", ""), IsOk());
  EXPECT_EQ(write->bytes(), 11u);
}

TEST_P(KvStoreContract, AReaderKeepsItsState) {
  Put("a", "1");
  const auto before = Read();
  Put("a", "2");
  Put("b", "3");
  EXPECT_THAT(Entries(*before), ElementsAre("a=1"));
  EXPECT_THAT(Entries(*Read()), ElementsAre("a=2", "b=3"));
  for (int i = 0; i < 100; ++i) Put("c", std::string(10000, static_cast<char>('a' + i % 26)));
  EXPECT_THAT(Entries(*before), ElementsAre("a=1"));
}

TEST_P(KvStoreContract, WithoutCommitNothingHappened) {
  Put("a", "1");
  {
    const auto write = Write();
    EXPECT_THAT(write->Put("a", "2"), IsOk());
    EXPECT_THAT(write->DeleteRange("", ""), IsOk());
    EXPECT_THAT(write->Put("b", "2"), IsOk());
  }
  EXPECT_THAT(Entries(*Read()), ElementsAre("a=1"));
  Put("c", "3");
  EXPECT_THAT(Entries(*Read()), ElementsAre("a=1", "c=3"));
}

TEST_P(KvStoreContract, DeletesOneKey) {
  Put("a", "1");
  Put("ab", "2");
  const auto write = Write();
  EXPECT_THAT(write->Delete("a"), IsOk());
  EXPECT_THAT(write->Delete("none"), IsOk());
  EXPECT_THAT(write->Commit(), IsOk());
  EXPECT_THAT(Entries(*Read()), ElementsAre("ab=2"));
}

TEST_P(KvStoreContract, DeletesARange) {
  for (const absl::string_view key : {"a", "b", "c", "d"}) Put(key, "");
  const auto write = Write();
  EXPECT_THAT(write->DeleteRange("c", "b"), IsOk());
  EXPECT_THAT(write->DeleteRange("x", ""), IsOk());
  EXPECT_THAT(Entries(*write), ElementsAre("a=", "b=", "c=", "d="));
  EXPECT_THAT(write->DeleteRange("b", "d"), IsOk());
  EXPECT_THAT(Entries(*write), ElementsAre("a=", "d="));
  EXPECT_THAT(write->DeleteRange("aa", ""), IsOk());
  EXPECT_THAT(Entries(*write), ElementsAre("a="));
  EXPECT_THAT(write->Commit(), IsOk());
  EXPECT_THAT(Entries(*Read()), ElementsAre("a="));
}

TEST_P(KvStoreContract, DeletesARangeOfManyPages) {
  constexpr int kKeys = 10000;
  const auto write = Write();
  for (int i = 0; i < kKeys; ++i) {
    // A mix of values that LMDB keeps in a leaf and of those it keeps in pages of their own.
    const std::string value(i % 10 == 0 ? 5000 : 50, 'v');
    ASSERT_THAT(write->Put(absl::StrFormat("%05d", i), value), IsOk());
  }
  EXPECT_THAT(write->DeleteRange("00001", "09999"), IsOk());
  EXPECT_THAT(Entries(*write), ElementsAre(_, "09999=" + std::string(50, 'v')));
  EXPECT_THAT(write->DeleteRange("", ""), IsOk());
  EXPECT_THAT(Entries(*write), IsEmpty());
  EXPECT_THAT(write->Commit(), IsOk());
  EXPECT_THAT(Entries(*Read()), IsEmpty());
}

TEST_P(KvStoreContract, KeepsEmptyAndBigValues) {
  std::string big(5 << 20, '\0');
  for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * i >> 7);
  Put("big", big);
  Put("empty", "");
  Put("zeros", absl::string_view("\0\0", 2));
  const auto read = Read();
  EXPECT_EQ(Value(*read, "empty"), "");
  EXPECT_TRUE(Value(*read, "big") == big);
  EXPECT_EQ(Value(*read, "zeros"), std::string(2, '\0'));
  Put("big", "small");
  EXPECT_EQ(Value(*Read(), "big"), "small");
  EXPECT_TRUE(Value(*read, "big") == big);
}

TEST_P(KvStoreContract, KeepsTenThousandKeys) {
  constexpr int kKeys = 10000;
  const auto write = Write();
  for (int i = 0; i < kKeys; ++i) {  // in no order: 7919 is prime
    const int n = i * 7919 % kKeys;
    ASSERT_THAT(write->Put(absl::StrFormat("key %05d", n), absl::StrCat(n)), IsOk());
  }
  EXPECT_THAT(write->Commit(), IsOk());
  const auto read = Read();
  EXPECT_EQ(Value(*read, "key 04711"), "4711");
  const std::vector<std::string> entries = Entries(*read);
  ASSERT_EQ(entries.size(), kKeys);
  for (int i = 0; i < kKeys; ++i) ASSERT_EQ(entries[i], absl::StrFormat("key %05d=%d", i, i));
  EXPECT_GT(*store_->Bytes(), 10000u * 10);
}

TEST_P(KvStoreContract, KeysHaveLimits) {
  const std::string longest(511, 'k');
  const std::string too_long(512, 'k');
  std::string value;
  {
    const auto write = Write();
    for (const absl::string_view key : {absl::string_view(""), absl::string_view(too_long)}) {
      const auto refused =
          StatusIs(absl::StatusCode::kInvalidArgument,
                   HasSubstr(absl::StrCat(key.size(), " bytes; allowed are 1 to 511")));
      EXPECT_THAT(write->Put(key, "v"), refused);
      EXPECT_THAT(write->Delete(key), refused);
      EXPECT_THAT(write->Get(key, &value), refused);
    }
    EXPECT_THAT(write->Put(longest, "v"), IsOk());
    EXPECT_THAT(write->Commit(), IsOk());
  }
  EXPECT_EQ(Value(*Read(), longest), "v");
  EXPECT_THAT(Read()->Get("", &value), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

TEST_P(KvStoreContract, ValuesHaveALimit) {
  const std::string bytes = "x";
  // Refused by its size alone: none of it is read.
  const absl::string_view too_big(bytes.data(), kValueBytesMax + 1);
  const auto write = Write();
  EXPECT_THAT(write->Put("the\tkey", too_big),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("key 'the\\tkey'")));
  EXPECT_THAT(write->Commit(), IsOk());
}

TEST_P(KvStoreContract, OneThreadHasOneWriteTransaction) {
  {
    const auto write = Write();
    EXPECT_THAT(store_->BeginWrite(),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("has a write")));
    EXPECT_THAT(write->Commit(), IsOk());
    EXPECT_THAT(store_->BeginWrite(), IsOk());  // Commit ended it, not its destruction.
  }
  Put("a", "1");
}

TEST_P(KvStoreContract, WritersOfManyThreadsTakeTurns) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 50;
  Put("n", "0");
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < kRounds; ++round) {
        const auto write = Write();
        const int n = std::stoi(Value(*write, "n"));
        EXPECT_THAT(write->Put("n", absl::StrCat(n + 1)), IsOk());
        if (round % 5 == 4) continue;  // Given up, hence not counted.
        EXPECT_THAT(write->Commit(), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Value(*Read(), "n"), absl::StrCat(kThreads * kRounds * 4 / 5));
}

TEST_P(KvStoreContract, ReadsAreConsistentWhileAnotherThreadWrites) {
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 200; ++i) {
      const auto write = Write();
      for (const absl::string_view key : {"a", "b", "c"}) {
        EXPECT_THAT(write->Put(key, absl::StrCat(i)), IsOk());
      }
      EXPECT_THAT(write->Commit(), IsOk());
    }
    done = true;
  });
  while (!done) {
    const auto read = Read();
    const std::string a = Value(*read, "a");
    EXPECT_EQ(Value(*read, "b"), a);
    EXPECT_EQ(Value(*read, "c"), a);
  }
  writer.join();
}

TEST_P(KvStoreContract, CopiesAStateWhileOthersWrite) {
  std::atomic<bool> done = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {  // Both keys of a pair in one transaction, hence both or none in a copy.
    for (int i = 0; !done; ++i) {
      const auto write = Write();
      EXPECT_THAT(write->Put(absl::StrCat("x", i % 100), std::string(2000, 'x')), IsOk());
      EXPECT_THAT(write->Put(absl::StrCat("y", i % 100), std::string(2000, 'y')), IsOk());
      EXPECT_THAT(write->Put("last", absl::StrCat(i)), IsOk());
      EXPECT_THAT(write->Commit(), IsOk());
      written = i;
    }
  });
  for (int i = 0; i < 5; ++i) {
    while (written < 10 * i) std::this_thread::yield();
    const std::string folder = NewFolder(absl::StrCat("copy", i));
    EXPECT_THAT(store_->CopyTo(folder), IsOk());
    auto copy = GetParam().open_copy(folder);
    ASSERT_THAT(copy, IsOk());
    auto read = (*copy)->BeginRead();
    ASSERT_THAT(read, IsOk());
    const size_t entries = Entries(**read).size();
    EXPECT_EQ(Entries(**read, "x", "y").size(), Entries(**read, "y").size());
    if (entries > 0) {
      const size_t last = std::stoul(Value(**read, "last"));
      EXPECT_EQ(entries, 1 + 2 * std::min<size_t>(last + 1, 100));
    }
  }
  done = true;
  writer.join();
}

TEST_P(KvStoreContract, CopiesOnlyToAnEmptyFolder) {
  Put("a", "1");
  EXPECT_THAT(store_->CopyTo(JoinPath(folder_, "none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  const std::string folder = NewFolder("copy");
  EXPECT_THAT(store_->CopyTo(folder), IsOk());
  EXPECT_THAT(store_->CopyTo(folder),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not empty")));
  const auto write = Write();
  EXPECT_THAT(store_->CopyTo(NewFolder("another")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("write transaction")));
}

TEST_P(KvStoreContract, AnEmptyStoreHasACopy) {
  const std::string folder = NewFolder("copy");
  EXPECT_THAT(store_->CopyTo(folder), IsOk());
  auto copy = GetParam().open_copy(folder);
  ASSERT_THAT(copy, IsOk());
  EXPECT_THAT(Entries(**(*copy)->BeginRead()), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Implementations, KvStoreContract,
    ::testing::Values(Implementation{"Memory",
                                     [](const std::string&) -> auto {
                                       return absl::StatusOr<std::unique_ptr<KvStore>>(
                                           std::make_unique<MemoryStore>());
}  // namespace
, [](const std::string& folder) { return Widen(MemoryStore::Load(folder)); }
}  // namespace twin::storage
,
                      Implementation{"Lmdb", OpenLmdb, OpenLmdb}),
    [](const auto& instance) {
  return instance.param.name; });

TEST(MemoryStore, FindsDamageWhenItIsRead) {
  MemoryStore store;
  auto write = store.BeginWrite();
  ASSERT_THAT(write, IsOk());
  for (const absl::string_view key : {"a", "b\n", "c"}) {
    EXPECT_THAT((*write)->Put(key, "value"), IsOk());
  }
  EXPECT_THAT((*write)->Commit(), IsOk());
  store.Damage("b\n");

  const auto lost =
      StatusIs(absl::StatusCode::kDataLoss,
               AllOf(HasSubstr("key 'b\\n'"), HasSubstr("start on a backup, or run")));
  const auto read = store.BeginRead();
  std::string value = "untouched";
  EXPECT_THAT((*read)->Get("a", &value), IsOkAndHolds(true));
  EXPECT_THAT((*read)->Get("b\n", &value), lost);
  EXPECT_EQ(value, "value");
  std::string seen;
  EXPECT_THAT((*read)->Scan("", "",
                            [&](absl::string_view key, absl::string_view) {
                              absl::StrAppend(&seen, key);
                              return true;
                            }),
              lost);
  EXPECT_EQ(seen, "a");
}

}  // namespace
}  // namespace twin::storage
