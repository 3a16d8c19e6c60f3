"""What is shipped.

Lives here: the content of a bento, and OCI images of it.
Not here: the programs that build (tools), the application inside (workloads.serving).
Law: equal content has one name, and is built once.
"""
