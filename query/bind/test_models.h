// Models and one-line calls for the tests of this folder.
#ifndef TWIN_QUERY_BIND_TEST_MODELS_H_
#define TWIN_QUERY_BIND_TEST_MODELS_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "query/bind/bind.h"

namespace twin::query {

// The ontology that ships, and some models that disagree: of test_models.cc.
const std::shared_ptr<const Catalog>& TestCatalog();

// The parameters that the tests send: @n, a whole number, @s, a string, @twins, a list.
BindOptions TestOptions(Dialect dialect = Dialect::kTql);

// The bound statement as print.h shows it, or the status's message.
std::string BoundText(absl::string_view query, const BindOptions& options = TestOptions());

// The message, and below it the piece of the query that it is about.
std::string ErrorText(absl::string_view query, const BindOptions& options = TestOptions());

}  // namespace twin::query

#endif  // TWIN_QUERY_BIND_TEST_MODELS_H_
