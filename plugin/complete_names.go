package plugin

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completeNames completes arguments with names that are not on the line yet,
// each followed by tail. What cannot be listed is not completed.
func (s *session) completeNames(tail string, list func(context.Context, Hub) ([]string, error)) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		directive := cobra.ShellCompDirectiveNoFileComp
		if tail != "" {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		hub, _, err := s.Federation(s.ctx)
		if err != nil {
			return nil, directive
		}
		names, err := list(s.ctx, hub)
		if err != nil {
			return nil, directive
		}
		taken := func(name string) bool {
			return !strings.HasPrefix(name+tail, toComplete) ||
				slices.ContainsFunc(args, func(arg string) bool { return arg == name || tail != "" && strings.HasPrefix(arg, name+tail) })
		}
		names = slices.DeleteFunc(names, taken)
		for i := range names {
			names[i] += tail
		}
		return names, directive
	}
}

// completeMembers completes arguments with the names of members.
func (s *session) completeMembers(tail string) cobra.CompletionFunc {
	return s.completeNames(tail, func(ctx context.Context, hub Hub) ([]string, error) {
		all, err := hub.Clusters(ctx)
		var names []string
		for i := range all {
			names = append(names, all[i].Name)
		}
		slices.Sort(names)
		return names, err
	})
}

// completeOneMember completes the first argument with the names of members.
func (s *session) completeOneMember() cobra.CompletionFunc {
	members := s.completeMembers("")
	return func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return members(cmd, args, toComplete)
	}
}

// completeEdges completes arguments with the names of edges.
func (s *session) completeEdges() cobra.CompletionFunc {
	return s.completeNames("", func(ctx context.Context, hub Hub) ([]string, error) {
		all, err := hub.Edges(ctx)
		var names []string
		for i := range all {
			names = append(names, all[i].Name)
		}
		slices.Sort(names)
		return names, err
	})
}

// completeFixed completes a flag with words.
func completeFixed(cmd *cobra.Command, flag string, words ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // there is no such flag: our own mistake
	}
}
