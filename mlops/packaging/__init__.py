"""What is shipped.

Lives here: OCI images of a package's content.
Not here: the programs that build (tools), the application inside (workloads.serving).
Law: equal content has one name, and is built once.
"""
