package main

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Opens an exported directory as a client of any log does: with the log's key, by tiles alone. Proves every entry in
// it, and that it continues each of the older checkpoints.
func checkExport(dir, vkey string, older []string) {
	log, err := note.NewVerifier(vkey)
	if err != nil {
		fail("log key: %v", err)
	}
	known := note.VerifierList(log)
	tree, err := openLogCheckpoint(filepath.Join(dir, "checkpoint"), known)
	if err != nil {
		fail("checkpoint: %v", err)
	}
	hashes := tlog.TileHashReader(tree, &tileReader{dir, map[string]bool{}})
	for index := int64(0); index < tree.N; index++ {
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			fail("index %d: %v", index, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entryAt(dir, index))); err != nil {
			fail("index %d: %v", index, err)
		}
	}
	for _, path := range older {
		before, err := openLogCheckpoint(path, known)
		if err != nil {
			fail("%s: %v", path, err)
		}
		proof, err := tlog.ProveTree(tree.N, before.N, hashes)
		if err != nil {
			fail("%s: %v", path, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash); err != nil {
			fail("%s: %v", path, err)
		}
	}
	fmt.Printf("entries %d older checkpoints %d\n", tree.N, len(older))
}

// Cosignatures beside the log's own signature are passed over, as whoever knows the log alone does.
func openLogCheckpoint(path string, known note.Verifiers) (tlog.Tree, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	n, err := note.Open(data, known)
	if err != nil {
		return tlog.Tree{}, err
	}
	return treeOf(n)
}
