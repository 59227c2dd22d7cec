// What tests ask a GraphReader, in terms of ids and names instead of numbers.
#ifndef TWIN_TESTS_CONTRACT_ASKING_H_
#define TWIN_TESTS_CONTRACT_ASKING_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "query/execute/readers.h"
#include "server/base/value.h"

namespace twin::testing {

class Asking {
 public:
  using Direction = query::GraphReader::Direction;
  explicit Asking(const query::GraphReader& reader) : reader_(reader) {}

  TableId Table(absl::string_view model) const;
  std::vector<RelationshipTypeId> Types(absl::string_view name) const;
  std::string IdOf(uint32_t twin) const;
  Value FieldOf(uint32_t twin, query::Field field) const;
  Value RelationshipField(uint32_t relationship, query::Field field) const;
  std::vector<uint32_t> Twins(const std::vector<std::string>& ids) const;
  // Values of a column at twins of one table, as JSON.
  std::vector<std::string> Values(const std::vector<std::string>& ids,
                                  absl::string_view path) const;
  static std::vector<std::string> Texts(const query::Vector& vector);
  // "source relationship end" of each that Expand finds, in its order; also that CountExpand
  // agrees, and that calls stop where they should.
  std::vector<std::string> Expand(const std::vector<std::string>& ids, Direction direction,
                                  const std::vector<RelationshipTypeId>& types, bool any = false,
                                  size_t max = SIZE_MAX) const;
  // Ids of a model's twins, read `chunk` rows at a time.
  std::vector<std::string> Scan(absl::string_view model, uint32_t chunk) const;
  // Everything that a reader shows, in an order that does not depend on numbers.
  // of_past: without etags, which AS OF does not keep.
  std::string Dump(bool of_past = false) const;

 private:
  // Pages that can be looked at in place say what Scan and Read say.
  void CheckPages(const query::Model& model) const;
  // Runs of rows, where the reader has them, say what Expand says, hop by hop.
  void CheckRuns(const query::Model& model) const;

  const query::GraphReader& reader_;
};

}  // namespace twin::testing

#endif  // TWIN_TESTS_CONTRACT_ASKING_H_
