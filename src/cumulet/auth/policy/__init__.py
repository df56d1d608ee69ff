"""IAM's policy language: parse documents, match statements, weigh all that speaks for or against a caller, explain it.

`grammar` and `parse` turn a document into a `model.Policy`; `match`, `principals` and `conditions` are its elements, `context`
is what conditions read; `evaluate` asks statements, `authorise` gives the verdict, `explain` says why and `simulate` what if.
Pure: no I/O, no state but compilations.
"""
